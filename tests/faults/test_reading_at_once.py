"""Reading all that has arrived in one piece, with aiohttp's inside known and not known."""

import asyncio

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from conftest import Stack
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.simulator import Gate, Reply
from proxy.upstream.lean import KNOWN, read_available


def test_the_installed_aiohttp_is_the_one_that_was_tried() -> None:
    """Else everything still works, more slowly: then this series is to be tried."""
    assert KNOWN


async def read_all(content: StreamReader, *, known: bool) -> bytes:
    pieces = []
    while piece := await read_available(content, known=known):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("known", [True, False])
async def test_all_of_a_reply_arrives_in_order(stack: Stack, known: bool) -> None:
    gate = Gate()
    first, rest = [b"%d," % n for n in range(500)], [b"%d," % n for n in range(500, 900)]
    stack.script.replies.append(Reply.sse(*first, gate, *rest))
    url = stack.zai.openai_base + "/chat/completions"
    async with stack.session.post(url, data=b"{}") as response:
        await gate.reached()
        read = await read_available(response.content, known=known)
        gate.open()
        read += await read_all(response.content, known=known)
        assert response.content.at_eof()
    assert read == b"".join([*first, *rest])


@pytest.mark.parametrize("known", [True, False])
async def test_a_body_that_breaks_raises(stack: Stack, known: bool) -> None:
    stack.script.replies.append(Reply.sse(b"data: 1\n\n", then="cut"))
    url = stack.zai.openai_base + "/chat/completions"
    async with stack.session.post(url, data=b"{}") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await read_all(response.content, known=known)


@settings(max_examples=50)
@given(chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=40), known=st.booleans())
async def test_nothing_is_lost_whatever_is_buffered(chunks: list[bytes], known: bool) -> None:
    reader = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1024)
    for chunk in chunks:
        reader.feed_data(chunk)
    reader.feed_eof()
    read = await read_all(reader, known=known)
    assert read == b"".join(chunks)
    assert reader.total_bytes == len(read)
    assert reader.at_eof()
