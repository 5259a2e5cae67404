"""Asking and reading below aiohttp's session, and by its public API alone: the same comes out."""

import asyncio

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from conftest import Stack, StackFactory
from fault_talk import DIALECTS, STREAMS, Dialect, error_of, request
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.context import UPSTREAM
from proxy.simulator import Gate, Reply
from proxy.upstream import lean
from proxy.upstream.lean import read_available
from proxy.upstream.session import SessionClient


def test_the_installed_aiohttp_is_the_one_that_was_tried() -> None:
    """Else everything still works, more slowly: then this series is to be tried."""
    assert lean.KNOWN


@pytest.fixture(params=[True, False], ids=["known", "unknown"])
def known(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether aiohttp is the one that was tried."""
    monkeypatch.setattr(lean, "KNOWN", request.param)
    return bool(request.param)


async def read_all(content: StreamReader) -> bytes:
    pieces = []
    while piece := await read_available(content):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.usefixtures("known")
async def test_all_of_a_reply_arrives_in_order(stack: Stack) -> None:
    gate = Gate()
    first, rest = [b"%d," % n for n in range(500)], [b"%d," % n for n in range(500, 900)]
    stack.script.replies.append(Reply.sse(*first, gate, *rest))
    url = stack.zai.openai_base + "/chat/completions"
    async with stack.session.post(url, data=b"{}") as response:
        await gate.reached()
        read = await read_available(response.content)
        gate.open()
        read += await read_all(response.content)
        assert response.content.at_eof()
    assert read == b"".join([*first, *rest])


@pytest.mark.usefixtures("known")
async def test_a_body_that_breaks_raises(stack: Stack) -> None:
    stack.script.replies.append(Reply.sse(b"data: 1\n\n", then="cut"))
    url = stack.zai.openai_base + "/chat/completions"
    async with stack.session.post(url, data=b"{}") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await read_all(response.content)


@settings(max_examples=50)
@given(chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=40))
async def test_nothing_is_lost_whatever_is_buffered(chunks: list[bytes]) -> None:
    reader = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1024)
    for chunk in chunks:
        reader.feed_data(chunk)
    reader.feed_eof()
    read = await read_all(reader)
    assert read == b"".join(chunks)
    assert reader.total_bytes == len(read)
    assert reader.at_eof()


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_request_is_answered_either_way(
    start_stack: StackFactory,
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
    dialect: Dialect,
    streams: bool,
) -> None:
    posted = []
    post = SessionClient.post

    async def spy(self: SessionClient, *arguments: object) -> object:
        posted.append(arguments)
        return await post(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(SessionClient, "post", spy)
    stack = await start_stack()
    assert (await request(stack, dialect, stream=streams)).status == 200
    refused = await request(stack, dialect, content="error 1113", stream=streams)
    await error_of(refused, dialect, 403)
    assert len(posted) == (0 if known else 2)
    sent = stack.script.requests
    assert len(sent) == 2
    assert {name.lower() for name in sent[0].headers} >= {"host", "user-agent", "content-length"}


async def test_a_test_double_in_place_of_the_session_is_asked(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def double(*_arguments: object, **_options: object) -> None:
        raise aiohttp.ClientConnectionError

    monkeypatch.setattr(aiohttp.ClientSession, "_request", double)
    assert not lean.usable()


@pytest.mark.parametrize("mark", ["\r", "\n", "\0"])
@pytest.mark.parametrize("place", ["user-agent", "x-\nx"])
@pytest.mark.usefixtures("known")
async def test_no_header_becomes_two(stack: Stack, mark: str, place: str) -> None:
    headers = {place.replace("\n", mark): f"a{mark}x-api-key: b"}
    with pytest.raises(ValueError, match="header"):
        async with stack.app[UPSTREAM].open("anthropic", "/v1/messages", b"{}", headers):
            pass
    assert stack.script.requests == []
