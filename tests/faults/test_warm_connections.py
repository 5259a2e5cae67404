"""Connections that wait: opened without a request, used by the next, replaced, and let go."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from certificate import OPENSSL, make_certificate
from fault_talk import until

from proxy.upstream import lean, trust
from proxy.upstream.client import Upstream
from proxy.upstream.trust import Trust
from proxy.upstream.warmth import Warmth

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class Server:
    """What it has seen."""

    context: ssl.SSLContext | None
    port: int = 0
    connections: int = 0
    requests: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.open.discard(writer)
            writer.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key for 127.0.0.1."""
    if OPENSSL is None:
        pytest.skip("openssl is not on PATH")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[Server]:
    server = Server(context)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in tuple(server.open):
            writer.close()
        await listener.wait_closed()


@pytest.fixture
async def tls(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    """A TLS server that the gateway believes."""
    believe(certificate[0], monkeypatch)
    async with serving(speaking_tls(certificate)) as server:
        yield server


def believe(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the gateway trust it."""
    believed = Trust(ssl.create_default_context(cafile=certificate), "this test")
    monkeypatch.setattr(trust, "load", lambda: believed)


def speaking_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@asynccontextmanager
async def upstream(
    base: str, warm: int, other: str = "http://127.0.0.1:9"
) -> AsyncIterator[Upstream]:
    opened = Upstream(base, other, 5.0, "test", warm_connections=warm)
    try:
        yield opened
    finally:
        await opened.close()


async def ask(opened: Upstream) -> int:
    async with asyncio.timeout(30), opened.open("anthropic", "/", b"{}", {}) as reply:
        await reply.content.read()
        return reply.status


async def test_a_request_finds_a_connection_that_waits(tls: Server) -> None:
    async with upstream(f"https://127.0.0.1:{tls.port}", 1) as opened:
        await until(lambda: opened.warm_connections == tls.connections == 1)
        assert tls.requests == 0
        assert await ask(opened) == 200
        assert await ask(opened) == 200
        assert (tls.connections, tls.requests) == (1, 2)


def test_so_it_is_under_uvloop(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a connection has bytes to send at the moment its handshake is over."""
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        believe(certificate[0], monkeypatch)
        async with (
            serving(speaking_tls(certificate)) as server,
            upstream(f"https://127.0.0.1:{server.port}", 1) as opened,
        ):
            await until(lambda: opened.warm_connections == 1)
            assert await ask(opened) == 200
            assert (server.connections, server.requests) == (1, 1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def test_bases_of_one_host_share_what_waits(tls: Server) -> None:
    base = f"https://127.0.0.1:{tls.port}"
    async with upstream(base, 1, other=f"{base}/other") as opened:
        await until(lambda: opened.warm_connections == 1)
        assert await ask(opened) == 200
    assert tls.connections == 1


async def test_so_many_wait_as_are_asked_for(tls: Server) -> None:
    async with upstream(f"https://127.0.0.1:{tls.port}", 3) as opened:
        await until(lambda: opened.warm_connections == tls.connections == 3)
        assert tls.requests == 0


async def test_one_that_was_closed_is_replaced(
    tls: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.upstream.warmth.LOOK_SECONDS", 0.01)
    async with upstream(f"https://127.0.0.1:{tls.port}", 1) as opened:
        await until(lambda: opened.warm_connections == len(tls.open) == 1)
        for writer in tuple(tls.open):
            writer.close()
        await until(lambda: tls.connections == 2 and opened.warm_connections == 1)
        assert await ask(opened) == 200
    assert tls.requests == 1


async def test_a_warm_connection_that_died_unseen_is_no_failure(tls: Server) -> None:
    """Nothing was asked on it before, but it is as stale as one that was used."""
    async with upstream(f"https://127.0.0.1:{tls.port}", 1) as opened:
        await until(lambda: opened.warm_connections == len(tls.open) == 1)
        for writer in tuple(tls.open):
            writer.transport.abort()
        assert await ask(opened) == 200
    assert tls.requests == 1


@pytest.mark.parametrize("cause", ["http", "none asked for", "proxy", "unknown aiohttp"])
async def test_none_waits(tls: Server, monkeypatch: pytest.MonkeyPatch, cause: str) -> None:
    scheme = "http" if cause == "http" else "https"
    if cause == "proxy":
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tls.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
    if cause == "unknown aiohttp":
        monkeypatch.setattr(lean, "KNOWN", False)
    warm = 0 if cause == "none asked for" else 1
    async with upstream(f"{scheme}://127.0.0.1:{tls.port}", warm) as opened:
        assert not opened.keeps_warm


class Target:
    """A target that tells when it was warmed."""

    def __init__(self, *, fails: bool = False) -> None:
        self.idle = 0
        self.warmed = 0
        self.fails = fails

    async def warm(self) -> None:
        self.warmed += 1
        if self.fails:
            raise aiohttp.ClientConnectionError
        self.idle += 1


async def test_it_ends_when_nobody_asks_and_begins_with_the_next_request() -> None:
    target = Target()
    warmth = Warmth([target], 1, look_seconds=0.0, active_seconds=0.0)
    warmth.start()
    await until(lambda: target.warmed == 1)
    target.idle = 0
    for _ in range(20):
        await asyncio.sleep(0)
    assert target.warmed == 1
    warmth.use()
    await until(lambda: target.warmed == 2)
    await warmth.close()


async def test_a_target_that_cannot_be_reached_stops_nobody() -> None:
    broken, well = Target(fails=True), Target()
    warmth = Warmth([broken, well], 2)
    warmth.start()
    await until(lambda: well.idle == 2)
    await warmth.close()
    assert broken.warmed == 2
