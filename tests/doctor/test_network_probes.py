"""The way to z.ai, layer by layer."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from certificate import OPENSSL, make_certificate
from doctor_talk import patient
from yarl import URL

from proxy.doctor import network
from proxy.doctor.network import examine_way
from proxy.doctor.report import Finding
from proxy.upstream import trust
from proxy.upstream.trust import Trust

Z = URL("https://api.z.ai")


@pytest.fixture(autouse=True)
def nobodys_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def way(base: str, seconds: float = 10) -> list[Finding]:
    """All layers."""
    return [finding async for finding in examine_way(base, seconds)]


async def test_a_name_is_looked_up() -> None:
    async with patient() as well:
        found = await way(f"http://localhost:{well.zai.port}/api/anthropic")
    assert found[0].name == f"dns localhost:{well.zai.port}"
    assert "127.0.0.1" in found[0].text


async def test_a_name_that_is_not_there_ends_the_way() -> None:
    (found,) = await way("https://name.invalid")
    assert (found.name, found.verdict) == ("dns name.invalid", "fail")
    assert "HTTPS_PROXY" in found.advice


async def test_a_port_without_tls_is_told() -> None:
    async with patient() as well:
        found = await way(f"https://127.0.0.1:{well.zai.port}")
    assert [each.name.split()[0] for each in found] == ["tcp", "tls"]
    assert found[-1].verdict == "fail"


async def test_a_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async with patient() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:secret@127.0.0.1:{proxy.zai.port}")
        named, clock = await way("http://name.invalid/api/anthropic")
    assert named.text == f"requests go through http://127.0.0.1:{proxy.zai.port}"
    assert (clock.name, clock.verdict) == ("clock name.invalid", "ok")
    assert proxy.script.requests[0].headers["proxy-authorization"].startswith("Basic ")


async def test_a_proxy_that_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_tcp_port}")
    _, found = await way("http://name.invalid")
    assert (found.name, found.verdict) == ("http name.invalid", "fail")
    assert "HTTPS_PROXY" in found.advice


@asynccontextmanager
async def tls_server(folder: Path, days: int) -> AsyncIterator[tuple[str, Path]]:
    """A base with a certificate of its own, valid for so many days, and that certificate."""
    if OPENSSL is None:
        pytest.skip("openssl is not on PATH")
    certificate, key = make_certificate(folder, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", certificate


@pytest.mark.parametrize(("days", "verdict"), [(30, "ok"), (3, "warn")])
async def test_a_trusted_certificate_is_told_with_its_days(
    days: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tls_server(tmp_path, days) as (base, certificate):
        believed = Trust(ssl.create_default_context(cafile=certificate), "this test")
        monkeypatch.setattr(trust, "load", lambda: believed)
        _, tls, clock = await way(base)
    assert tls.verdict == verdict
    assert tls.text == f"accepted by this test, {days - 1} days left"
    assert (clock.verdict, clock.text) == ("info", "the server tells no time")


async def test_a_certificate_that_nobody_knows_ends_the_way(tmp_path: Path) -> None:
    async with tls_server(tmp_path, 30) as (base, _):
        found = (await way(base))[-1]
    assert (found.name.split()[0], found.verdict) == ("tls", "fail")
    assert "SSL_CERT_FILE" in found.advice
    assert trust.load().store in found.text


@pytest.mark.parametrize(
    ("minutes", "verdict", "text"),
    [(0, "ok", "within"), (10, "warn", "behind"), (-10, "warn", "ahead of")],
)
def test_the_clock_is_compared(minutes: int, verdict: str, text: str) -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    found = network.clock(Z, told, 0.1)
    assert found.verdict == verdict
    assert text in found.text


@pytest.mark.parametrize("told", [None, "yesterday"])
def test_a_server_without_a_clock_is_no_fault(told: str | None) -> None:
    assert network.clock(Z, told, 0.1).verdict == "info"


def test_the_days_of_a_certificate_are_counted() -> None:
    ends = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(time.time() + 30.5 * 86_400))
    assert network.days_left({"notAfter": ends}) == 30
    assert network.days_left({}) == 0
