"""Connections that are open before they are needed: TCP and TLS only, never a request.

A new TLS connection to z.ai costs two or three round trips before the first byte, and a
command-line tool would pay them for each process. So one connection a base waits in the pool, from
the start and for ten minutes after the last request; after that z.ai is left alone until the next.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import aiohttp

_log: Final = logging.getLogger("proxy.upstream")

ACTIVE_SECONDS: Final = 600.0
"""So long after the start or a request connections are kept warm."""

LOOK_SECONDS: Final = 5.0
"""How soon a connection that was taken or closed is replaced."""

_FAILED_SECONDS: Final = 30.0


class Warmable(Protocol):
    """A target whose connections wait in a pool."""

    @property
    def idle(self) -> int:
        """How many open connections wait there."""

    async def warm(self) -> None:
        """Open one more. Raises TimeoutError and aiohttp.ClientError."""


class Warmth:
    """Keeps `connections` open to each target while the gateway is in use."""

    def __init__(
        self,
        targets: Sequence[Warmable],
        connections: int,
        *,
        look_seconds: float | None = None,
        active_seconds: float = ACTIVE_SECONDS,
    ) -> None:
        self.targets = targets if connections else ()
        self._connections = connections
        self._look_seconds = LOOK_SECONDS if look_seconds is None else look_seconds
        self._active_seconds = active_seconds
        self._used = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._last_use = self._now()

    def start(self) -> None:
        """Begin, if there is anything to keep warm."""
        if self.targets:
            self._task = asyncio.create_task(self._run(), name="warm connections")

    def use(self) -> None:
        """A request goes out: stay warm."""
        self._last_use = self._now()
        self._used.set()

    async def close(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            pause = await self._look()
            if self._now() - self._last_use < self._active_seconds:
                await asyncio.sleep(pause)
            else:
                self._used.clear()
                await self._used.wait()

    async def _look(self) -> float:
        """Open what is missing; how long to wait before the next look."""
        missing = [t for t in self.targets for _ in range(self._connections - t.idle)]
        results = await asyncio.gather(*map(_warm, missing))
        return self._look_seconds if all(results) else _FAILED_SECONDS


async def _warm(target: Warmable) -> bool:
    """Whether that worked; what stands in the way is told when a request fails."""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        await target.warm()
        return True
    _log.debug("no warm connection")
    return False
