"""Much data: slow readers slow the upstream down, endless frames end, garbage is not kept.

Memory is the process's own at its peak while the garbage goes through, the simulator's share
included (it writes the same bytes object again and again).
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from conftest import KEY, StackFactory
from fault_talk import (
    DIALECTS,
    PAIRS,
    PATHS,
    STREAMS,
    WAIT_SECONDS,
    Dialect,
    Endpoint,
    ask,
    begin,
    content,
    delta,
    ending,
    error_of,
    request,
    stream_error,
    stream_past,
    streamed_text,
    until,
    verdict,
    whole,
)

from proxy.context import WATCHDOG
from proxy.simulator import Gate, Reply

MB: Final = 1024 * 1024
READ_LIMIT: Final = 256 * 1024
"""Bytes that one read of the event loop brings at most; they are passed on at once."""

PIECE: Final = "x" * 65_536


async def connect(url: str, body: object, path: str) -> socket.socket:
    """A client with a small receive buffer, its request sent, nothing read."""
    data = json.dumps(body).encode()
    host, port = url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nx-api-key: {KEY}\r\nConnection: close\r\n"
    head += f"Content-Length: {len(data)}\r\n\r\n"
    await loop.sock_sendall(client, head.encode() + data)
    return client


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a25_a_client_that_does_not_read_slows_its_upstream(
    start_stack: StackFactory, dialect: Dialect, endpoint: Endpoint
) -> None:
    """What it does not take stays with z.ai: not 16 MB here, while another client gets all of it.

    The kernel's buffers of four loopback sockets take some megabytes; the gateway's own share is
    looked at on its transport.
    """
    stack = await start_stack()
    middle = Gate()
    middle.open()
    half = [delta(endpoint, PIECE)] * 256
    opening = [*begin(endpoint), *content(endpoint)]
    stack.script.replies.append(Reply.sse(*opening, *half, middle, *half, *ending(endpoint)))
    path = PATHS[dialect]
    with await connect(stack.url, ask(endpoint, stream=True), path) as client:
        await stack.script.arrived.reach(1)
        stack.script.replies.append(Reply.sse(*opening, *half, *half, *ending(endpoint)))
        async with asyncio.timeout(WAIT_SECONDS):
            other = await stack.post(path, ask(endpoint, stream=True))
        assert len(streamed_text(await other.read())) == 512 * 65_536 + 2
        assert not middle.is_reached
        (held,) = stack.app[WATCHDOG]
        transport = held._request.transport  # type: ignore[attr-defined]
        assert transport.get_write_buffer_size() <= 65_536 + READ_LIMIT
        raw = await read_all(client)
    body = unchunked(raw.partition(b"\r\n\r\n")[2])
    assert verdict(dialect, body) == "end"
    assert len(body) > 512 * 65_536


async def read_all(client: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    raw = bytearray()
    async with asyncio.timeout(WAIT_SECONDS):
        while data := await loop.sock_recv(client, MB):
            raw += data
    return bytes(raw)


def unchunked(raw: bytes) -> bytes:
    """The body of a chunked transfer."""
    body = bytearray()
    place = 0
    while size := int(raw[place : (end := raw.index(b"\r\n", place))], 16):
        body += raw[end + 2 : end + 2 + size]
        place = end + 4 + size
    return bytes(body)


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a25_an_endless_frame_ends_the_reply(
    start_stack: StackFactory, dialect: Dialect, endpoint: Endpoint, streams: bool
) -> None:
    """Over MAX_FRAME_MB nothing can be followed in bounded memory."""
    stack = await start_stack(max_frame_mb=1)
    frames = (*begin(endpoint), b"data: ", *[PIECE.encode()] * 32)
    stack.script.replies.append(Reply.sse(*frames, then="stall"))
    response = await request(stack, dialect, endpoint, stream=streams)
    await error_of(response, dialect, 502)
    await asyncio.wait_for(stack.script.gone.reach(1), WAIT_SECONDS)


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a25_an_endless_frame_after_content_is_an_error_of_the_stream(
    start_stack: StackFactory, dialect: Dialect, endpoint: Endpoint
) -> None:
    stack = await start_stack(max_frame_mb=1)
    gate = Gate()
    first = (*begin(endpoint), *content(endpoint))
    endless = (b"data: ", *[PIECE.encode()] * 32)
    stack.script.replies.append(Reply.sse(*first, gate, *endless, then="stall"))
    raw = await stream_past(stack, dialect, endpoint, gate)
    assert verdict(dialect, raw) == "error"
    assert "too much" in stream_error(raw)["message"]


async def test_a25_a_frame_below_the_limit_passes(start_stack: StackFactory) -> None:
    """A tool's arguments come in one piece, however long they are."""
    stack = await start_stack(max_frame_mb=2)
    stack.script.replies.append(Reply.sse(*whole("anthropic", PIECE * 16)))
    response = await request(stack, "chat", stream=True)
    assert len(streamed_text(await response.read())) == MB


LONG: Final = b"x" * 16_000
GARBAGE: Final[dict[str, bytes]] = {
    "bytes without an end": bytes(range(14, 255)) * 272,
    "lines without an end": (LONG + b"\n") * 4,
    "comments": (b": " + LONG + b"\n\n") * 4,
    "frames of no JSON": (b"data: " + LONG + b"\n\n") * 4,
    "frames without data": (b"event: " + LONG + b"\n\n") * 4,
    "unknown events": (b'data: {"type":"x","x":"' + LONG + b'"}\n\n') * 4,
    "pings": (b'event: ping\ndata: {"type":"ping","x":"' + LONG + b'"}\n\n') * 4,
}


def resident() -> float:
    """This process's memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


@asynccontextmanager
async def at_most(megabytes: int) -> AsyncIterator[None]:
    """The process grows by no more than this within the block, looked at every few milliseconds."""
    before = most = resident()

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, resident())
            await asyncio.sleep(0.005)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
    assert most - before <= megabytes, f"{most - before:.1f} MB"


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
@pytest.mark.parametrize("kind", GARBAGE)
async def test_a25_100_mb_of_garbage_are_an_error_in_bounded_memory(
    start_stack: StackFactory, dialect: Dialect, endpoint: Endpoint, kind: str
) -> None:
    """Line buffer capped; nothing of it is kept, although nothing of it was an answer."""
    stack = await start_stack(max_frame_mb=4)
    streams = kind != "lines without an end"
    await request(stack, dialect, endpoint, stream=streams)
    chunk = GARBAGE[kind]
    stack.script.replies.append(Reply.sse(*[chunk] * (100 * MB // len(chunk))))
    async with at_most(32):
        response = await request(stack, dialect, endpoint, stream=streams)
    error = await error_of(response, dialect, response.status)
    assert response.status in (500, 502)
    assert len(error["message"]) < 2_000


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a25_a_huge_error_page_is_not_read_to_its_end(
    start_stack: StackFactory, dialect: Dialect, status: int
) -> None:
    stack = await start_stack()
    page = Reply((b"<html>", *[PIECE.encode()] * 1_600), status, {"Content-Type": "text/html"})
    stack.script.replies.append(page)
    async with at_most(8):
        response = await request(stack, dialect)
    await error_of(response, dialect, status if status >= 400 else 502)


async def test_a25_a_client_that_never_reads_is_let_go_when_its_time_is_over(
    start_stack: StackFactory,
) -> None:
    """The error cannot be told to who does not read; waiting for that would be for ever."""
    stack = await start_stack(total_seconds=1.0)
    pieces = [delta("anthropic", PIECE)] * 512
    first = (*begin("anthropic"), *content("anthropic"))
    stack.script.replies.append(Reply.sse(*first, *pieces, *ending("anthropic")))
    with await connect(stack.url, ask("anthropic", stream=True), PATHS["chat"]):
        await asyncio.wait_for(stack.script.gone.reach(1), WAIT_SECONDS)
        await until(lambda: not len(stack.app[WATCHDOG]))
