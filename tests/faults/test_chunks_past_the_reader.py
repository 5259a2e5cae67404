"""Chunks that go to the client where they arrive: the same bytes in the same order, to the end."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import HttpResponseParser
from certificate import OPENSSL, make_certificate
from conftest import KEY, StackFactory
from fault_talk import (
    PAIRS,
    PATHS,
    WAIT_SECONDS,
    Dialect,
    Endpoint,
    ask,
    begin,
    content,
    delta,
    ending,
    until,
    verdict,
)
from hypothesis import given
from hypothesis import strategies as st

from proxy.context import Observation
from proxy.dialects.registry import CLIENTS, ENDPOINTS, transcoder
from proxy.dialects.transcoder import ReplyContext, Transcoder
from proxy.errors import GatewayError
from proxy.handlers import reading
from proxy.handlers.client_stream import ClientStream
from proxy.handlers.delivery import pass_on
from proxy.handlers.limits import Clock
from proxy.handlers.reading import Chunks
from proxy.simulator import Gate, Reply
from proxy.tokens.scale import Scale
from proxy.upstream import trust
from proxy.upstream.client import Upstream
from proxy.upstream.lean import read_available
from proxy.upstream.parsing import ReplyParser
from proxy.upstream.reply import Reply as Answer
from proxy.upstream.trust import Trust

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TEXTS = [f"piece {number}" for number in range(12)]


class SlowClient:
    """A client's stream that is ready by turns, and takes a moment when it is not."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready
        self.written: list[bytes] = []
        self.sent = 0
        self.finished = False

    def is_clear(self, size: int) -> bool:  # noqa: ARG002
        return self._ready()

    def send(self, data: bytes, _now: float) -> None:
        self.sent += 1
        self.written.append(data)

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        self.written.append(data)

    async def finish(self, rest: bytes = b"") -> None:
        self.written.append(rest)
        self.finished = True


class Transport(asyncio.Transport):
    """One that brings what it is told to bring."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    def close(self) -> None:
        pass


class Wire:
    """The upstream's side: what is fed goes through the parser of a lean client."""

    def __init__(self) -> None:
        protocol = ResponseHandler(asyncio.get_running_loop())
        self.transport = Transport(protocol)
        protocol.connection_made(self.transport)
        protocol.set_response_params()
        inside: Any = protocol
        whole = cast("HttpResponseParser", inside._parser)
        inside._parser = self.parser = ReplyParser(protocol, whole)
        self.protocol = protocol

    async def answer(self) -> Answer:
        """The reply, whose head has been fed."""
        message, body = await self.protocol.read()
        return Answer(message.code, message.headers, body, lambda: None, self.parser)

    def feed(self, body: bytes) -> None:
        framed = b"%x\r\n%b\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        self.transport.protocol.data_received(framed)


def context() -> ReplyContext:
    return ReplyContext("asked", Scale(), 128_000, 0, "req_1")


def observation(dialect: Dialect) -> Observation:
    return Observation("req_1", "POST", PATHS[dialect], "", 0.0, 0.0, None, dialect)


def frames(endpoint: Endpoint) -> list[bytes]:
    texts = (delta(endpoint, text) for text in TEXTS)
    return [*begin(endpoint), *content(endpoint), *texts, *ending(endpoint)]


async def begun(
    wire: Wire, client: SlowClient, reply: Transcoder, dialect: Dialect
) -> asyncio.Future[Any]:
    """A reply that is passed on from now on."""
    wire.protocol.data_received(HEAD)
    chunks = Chunks(await wire.answer(), Clock(0.0), None)
    stream = cast("ClientStream", client)
    return asyncio.ensure_future(pass_on(chunks, reply, stream, observation(dialect)))


async def under_way(wire: Wire, client: SlowClient, reply: Transcoder) -> asyncio.Future[Any]:
    """A Chat reply whose chunks go past the reader."""
    passing = await begun(wire, client, reply, "chat")
    for frame in [*begin("openai"), *content("openai"), *[delta("openai", "more")] * 20]:
        wire.feed(frame)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert client.sent
    return passing


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
@given(
    ready=st.lists(st.booleans(), min_size=1, max_size=8),
    rests=st.lists(st.booleans(), min_size=1, max_size=8),
    ends=st.booleans(),
)
async def test_a_client_that_is_slow_by_turns_gets_all_in_order(
    dialect: Dialect, endpoint: Endpoint, ready: list[bool], rests: list[bool], ends: bool
) -> None:
    """`rests`: after which frames the reader has time to run; `ends`: whether the body ends."""
    whole = transcoder(CLIENTS[dialect], ENDPOINTS[endpoint], context())
    expected = b"".join(map(whole.feed, frames(endpoint))) + whole.close()

    wire, turns = Wire(), iter(ready * 100)
    client = SlowClient(lambda: next(turns))
    reply = transcoder(CLIENTS[dialect], ENDPOINTS[endpoint], context())
    passing = await begun(wire, client, reply, dialect)
    for frame, rest in zip(frames(endpoint), rests * 100, strict=False):
        wire.feed(frame)
        if rest:
            await asyncio.sleep(0)
    if ends:
        wire.feed(b"")
    await passing
    assert b"".join(client.written) == expected
    assert client.finished
    assert wire.transport.protocol is wire.protocol


async def test_a_part_of_a_chunk_may_look_like_a_chunk() -> None:
    wire, client = Wire(), SlowClient(lambda: True)
    reply = transcoder(CLIENTS["chat"], ENDPOINTS["openai"], context())
    passing = await under_way(wire, client, reply)
    client.written.clear()
    for read in (b"18\r\n: looks so\r\n", b"5\r\nhello\r\n", b"\r\n\r\n"):
        wire.transport.protocol.data_received(read)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for frame in ending("openai"):
        wire.feed(frame)
    await passing
    assert client.written[0] == b": looks so\n5\nhello\n\n"


async def test_a_chunk_longer_than_its_size_is_no_chunk() -> None:
    wire, client = Wire(), SlowClient(lambda: True)
    reply = transcoder(CLIENTS["chat"], ENDPOINTS["openai"], context())
    passing = await under_way(wire, client, reply)
    wire.transport.protocol.data_received(b"5\r\nhelloXY")
    for frame in ending("openai"):
        wire.feed(frame)
    with pytest.raises(GatewayError):
        await passing


async def test_a_mistake_of_ours_is_raised_where_it_can_be_told() -> None:
    """Not in the middle of aiohttp's protocol, which would blame the upstream."""
    wire, client = Wire(), SlowClient(lambda: True)
    reply = transcoder(CLIENTS["chat"], ENDPOINTS["openai"], context())
    passing = await under_way(wire, client, reply)
    with mock.patch.object(type(reply), "feed", side_effect=ZeroDivisionError):
        wire.feed(delta("openai", "more"))
    with pytest.raises(ZeroDivisionError):
        await passing


async def test_an_error_that_is_told_in_the_stream_is_raised() -> None:
    wire, client = Wire(), SlowClient(lambda: True)
    reply = transcoder(CLIENTS["chat"], ENDPOINTS["openai"], context())
    passing = await under_way(wire, client, reply)
    wire.feed(b'data: {"error":{"code":"1234","message":"network"}}\n\n')
    with pytest.raises(GatewayError):
        await passing


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a_steady_stream_does_not_wake_its_reader(
    start_stack: StackFactory, monkeypatch: pytest.MonkeyPatch, dialect: Dialect, endpoint: Endpoint
) -> None:
    woken = 0

    async def counted(body: Any) -> bytes:
        nonlocal woken
        chunk = await read_available(body)
        woken += 1
        return chunk

    monkeypatch.setattr(reading, "read_available", counted)
    stack = await start_stack()
    texts = [delta(endpoint, text) for text in TEXTS]
    gates = [Gate() for _ in texts]
    steps = [step for pair in zip(texts, gates, strict=True) for step in pair]
    start, end = [*begin(endpoint), *content(endpoint)], ending(endpoint)
    stack.script.replies.append(Reply.sse(*start, *steps, *end))
    raw = b""
    url, headers = stack.url + PATHS[dialect], {"x-api-key": KEY}
    async with stack.session.post(
        url, json=ask(endpoint, stream=True), headers=headers
    ) as response:
        for text, gate in zip(TEXTS, gates, strict=True):
            while text.encode() not in raw:
                raw += await response.content.readany()
            gate.open()
        raw += await response.read()
    assert verdict(dialect, raw) == "end"
    assert woken <= len(start) + len(end) + 1


class Dictated:
    """A server that sends one HTTP chunk whenever it is told to, on connections that stay open."""

    def __init__(self) -> None:
        self.connections = 0
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(HEAD)
                while piece := await self._pieces.get():
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                writer.write(b"0\r\n\r\n")
        writer.close()

    def send(self, piece: bytes) -> None:
        self._pieces.put_nowait(piece)


async def over_the_wire(server: Dictated, opened: Upstream) -> list[bytes]:
    """What one reply brings to a sink, chunk by chunk."""
    taken: list[bytes] = []

    def take(chunk: bytes) -> bool:
        taken.append(chunk)
        return True

    async with opened.open("anthropic", "/", b"", {}) as reply:
        chunks = Chunks(reply, Clock(0.0), None)
        chunks.sink = take
        reading = asyncio.ensure_future(anext(chunks, b""))
        for number in range(5):
            server.send(b"chunk %d" % number)
            await until(lambda: taken and taken[-1].endswith(b"%d" % number))  # noqa: B023
        server.send(b"")
        assert await reading == b""
    return taken


@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_so_it_is_on_every_transport_and_the_connection_is_used_again(
    loop: str, secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None
    context = None
    if secure:
        if OPENSSL is None:
            pytest.skip("openssl is not on PATH")
        certificate, key = make_certificate(tmp_path)
        believed = Trust(ssl.create_default_context(cafile=certificate), "this test")
        monkeypatch.setattr(trust, "load", lambda: believed)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

    async def main() -> None:
        server = Dictated()
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
        port = listener.sockets[0].getsockname()[1]
        base = f"{'https' if secure else 'http'}://127.0.0.1:{port}"
        opened = Upstream(base, base, 5.0, "test")
        async with asyncio.timeout(WAIT_SECONDS):
            for _ in range(2):
                assert await over_the_wire(server, opened) == [b"chunk %d" % n for n in range(5)]
        assert server.connections == 1
        await opened.close()
        listener.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())
