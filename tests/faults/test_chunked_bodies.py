"""Chunked bodies: decoded as aiohttp decodes them, however they are written and cut."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import http_exceptions
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import HttpResponseParser
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.chunked import ChunkedBody, ChunkedError
from proxy.upstream.parsing import ReplyParser

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BODIES = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=40),
        st.sampled_from([b"\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"data: {}\n\n", b"x" * 300]),
    ),
    max_size=12,
)
SIZES = st.sampled_from([b"%x", b"%X", b"0%x", b"%x;name=value", b"%x "])
ENDS = st.sampled_from(
    [b"0\r\n\r\n", b"000\r\n\r\n", b"0;x\r\n\r\n", b"0\r\nexpires: never\r\n\r\n"]
)
CUTS = st.lists(st.integers(min_value=0, max_value=2_000), max_size=8)


def cut(wire: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    return [wire[a:b] for a, b in pairwise(edges)]


def written(bodies: list[bytes], sizes: list[bytes], end: bytes) -> bytes:
    chunks = (
        sizes[index % len(sizes)] % len(body) + b"\r\n" + body + b"\r\n"
        for index, body in enumerate(bodies)
    )
    return b"".join(chunks) + end


@given(BODIES, st.lists(SIZES, min_size=1, max_size=4), ENDS, CUTS, st.sampled_from([b"", b"HTTP"]))
def test_any_writing_and_any_cut_gives_the_body(
    bodies: list[bytes], sizes: list[bytes], end: bytes, places: list[int], behind: bytes
) -> None:
    body = ChunkedBody()
    wire = written(bodies, sizes, end)
    out = b"".join(body.feed(piece) for piece in cut(wire + behind, places))
    assert out == b"".join(bodies)
    assert body.ended
    assert not body.between  # what comes now is no chunk of it, however it looks
    assert body.rest == behind


@given(BODIES, CUTS, st.integers(min_value=1, max_value=2_000))
def test_a_body_cut_short_is_never_whole(
    bodies: list[bytes], places: list[int], missing: int
) -> None:
    wire = written(bodies, [b"%x"], b"0\r\n\r\n")
    body = ChunkedBody()
    begun = wire[: -min(missing, len(wire))]
    out = b"".join(body.feed(piece) for piece in cut(begun, places))
    assert not body.ended
    assert b"".join(bodies).startswith(out)


REFUSED = [
    b"hello\r\n",
    b"5\r\nhello!\r\n",
    b"-5\r\n",
    b"+5\r\nhello\r\n",
    b"0x5\r\nhello\r\n",
    b"\r\n",
    b"5\nhello\r\n",
    b"1_0\r\n",
    b"f" * 20 + b"\r\n",
    b"1" * 10_000,
    b"5;" + b"x" * 10_000,
]


@pytest.mark.parametrize("wire", REFUSED)
def test_what_is_no_chunk_is_refused(wire: bytes) -> None:
    with pytest.raises(ChunkedError):
        ChunkedBody().feed(wire)


def heard(wire: list[bytes], *, ours: bool) -> tuple[list[int], bytes, bool, str | None]:
    """Statuses, body, whether it ended, and the name of an error, as a parser tells them."""
    loop = asyncio.get_running_loop()
    protocol = ResponseHandler(loop)
    theirs = HttpResponseParser(protocol, loop, 2**16, read_until_eof=True)
    parser: Any = ReplyParser(protocol, theirs) if ours else theirs
    protocol._parser = parser
    statuses: list[int] = []
    content, error = None, None
    try:
        for piece in wire:
            messages, _, _ = parser.feed_data(piece)
            statuses += [message.code for message, _ in messages]
            content = messages[-1][1] if messages else content
    except http_exceptions.HttpProcessingError as broken:
        error = type(broken).__name__
    if content is None:
        return statuses, b"", False, error
    whole = b"".join(content._buffer)
    return statuses, whole, content.is_eof(), error


HEADS = [
    HEAD,
    b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD,
    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 401 No\r\nTransfer-Encoding: Chunked\r\nX: y\r\n\r\n",
]


@given(st.sampled_from(HEADS), BODIES, CUTS)
async def test_every_response_is_parsed_as_aiohttp_parses_it(
    head: bytes, bodies: list[bytes], places: list[int]
) -> None:
    whole = written(bodies, [b"%x"], b"0\r\n\r\n")
    if b"hunked" not in head:
        whole = (b"".join(bodies) + b"hello, world")[:12] if b" 200 " in head else b""
    pieces = [piece for piece in cut(head + whole, places) if piece]
    assert heard(pieces, ours=True) == heard(pieces, ours=False)
