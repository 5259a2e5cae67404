"""Serving an application: sockets, signals, and a graceful end.

The first stop signal closes the sockets and lets live replies finish (`app.py` drains them); a
second one ends the process at once. Under systemd the sockets may be there already, and it is told
when we are ready, alive and stopping.
"""

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiohttp import web

from proxy.app import create_app
from proxy.context import WATCHDOG
from proxy.notify import ServiceManager
from proxy.service.activation import inherited_sockets, listening_on, url
from proxy.settings import Settings
from proxy.watchdog import FAREWELL_SECONDS

_log: Final = logging.getLogger("proxy.server")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_KEEP_ALIVE_SECONDS: Final = 75.0
_LARGEST_BLOCK: Final = 16 * 1024 * 1024
"""Bytes: more than most requests have."""

Ready = Callable[[list[str]], None]


class PortTakenError(Exception):
    """Somebody else listens where we want to."""

    def __init__(self, host: str, port: int) -> None:
        hint = ""
        if sys.platform == "darwin" and port == 5000:
            hint = " On macOS that is the AirPlay receiver: switch it off in System Settings,"
            hint += " General, AirDrop & Handoff."
        message = f"Port {port} of {host} is taken.{hint} Set PORT to another one, e.g. PORT=5001."
        super().__init__(message)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` in an event loop, uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)


async def serve(settings: Settings, ready: Ready | None = None) -> None:
    """Serve until a stop signal; `ready` is told the URLs.

    Raises PortTakenError, and SettingsError if sockets that systemd opened need a GATEWAY_KEY.
    """
    manager = ServiceManager.from_environment()
    sockets = inherited_sockets()
    if sockets:
        settings = listening_on(settings, sockets)
    runner = make_runner(settings)
    await runner.setup()
    async with manager.kept_informed():
        try:
            urls = await (_adopt(runner, sockets) if sockets else _listen(runner, settings))
            settle()
            _log.info("listening", extra={"urls": urls})
            stopping = _stop_on_signals()
            manager.ready(f"Listening on {', '.join(urls)}")
            if ready:
                ready(urls)
            await stopping.wait()
            manager.stopping(shutdown_seconds(settings))
            _log.info("stopping", extra={"live_replies": len(runner.app[WATCHDOG])})
        finally:
            await runner.cleanup()


def make_runner(settings: Settings) -> web.AppRunner:
    """The gateway with the limits of a server: ours, and gunicorn's workers."""
    return web.AppRunner(
        create_app(settings),
        access_log=None,
        handle_signals=False,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        shutdown_timeout=shutdown_seconds(settings),
    )


def shutdown_seconds(settings: Settings) -> float:
    """How long the end may take: live replies finish, then are told that it is over."""
    return settings.drain_seconds + 2 * FAREWELL_SECONDS


def settle() -> None:
    """The start is over: what it made stays, and requests are alike in what they need.

    The collector looks through the former no more: a full collection would stop every stream for
    15 ms. And what a request frees is kept for the next: glibc gives the end of its heap back
    beyond 128 KB, so that each burst of events pays for its pages anew, unless it has seen a larger
    block freed, twice whose size it keeps then (mallopt(3), M_MMAP_THRESHOLD). It sees one here,
    which costs nothing, as nobody writes to it.
    """
    gc.freeze()
    bytes(_LARGEST_BLOCK)


async def _adopt(runner: web.AppRunner, sockets: list[socket.socket]) -> list[str]:
    """Serve on sockets that are bound and listening already."""
    for inherited in sockets:
        await web.SockSite(runner, inherited).start()
    return [url(inherited) for inherited in sockets]


async def _listen(runner: web.AppRunner, settings: Settings) -> list[str]:
    """One socket per address. An address that this machine does not have is passed over."""
    urls: list[str] = []
    port = settings.port
    for host in settings.host:
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(host, port) from error
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or (
                host == settings.host[-1] and not urls
            ):
                raise
            _log.info("address not available", extra={"host": host})
            continue
        port = port or runner.addresses[0][1]
        urls.append(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    return urls


def _stop_on_signals() -> asyncio.Event:
    """An event that the first stop signal sets; a second one ends the process at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        stopping.set()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop)
    return stopping
