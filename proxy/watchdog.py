"""One coarse clock for all live replies: limits, and clients that have left.

A timer per read would cost on every event; instead each reply notes when something last happened,
and once a tick all are looked at. aiohttp tells a handler that its client left only under some
servers, but `request.transport` tells it under all of them.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final, Protocol

from proxy.errors import GatewayError

TICK_SECONDS: Final = 0.25
FAREWELL_SECONDS: Final = 2.0
"""How long a client may take to read the error that ends its reply."""


class Watched(Protocol):
    """A reply in the making."""

    async def look(self, now: float) -> None:
        """Called once a tick with the loop's time; ends itself if it has to."""

    def stop(self, reason: GatewayError) -> None:
        """End now, telling the client `reason`."""


class Watchdog:
    """Looks at everything it watches, once a tick, while there is anything to watch."""

    def __init__(self, tick: float = TICK_SECONDS) -> None:
        self._tick = tick
        self._watched: set[Watched] = set()
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._watched)

    def __iter__(self) -> Iterator[Watched]:
        return iter(tuple(self._watched))

    def watch(self, watched: Watched) -> None:
        """Watch from now on, until `leave`."""
        self._watched.add(watched)
        self._idle.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="watchdog")

    def leave(self, watched: Watched) -> None:
        """Watch no longer."""
        self._watched.discard(watched)
        if not self._watched:
            self._idle.set()

    async def drain(self, seconds: float, farewell: GatewayError) -> None:
        """Wait until nothing is watched; after `seconds` end what is left with `farewell`.

        aiohttp closes transports before it cancels handlers, so this has to come before that.
        """
        if await self._idle_within(seconds):
            return
        for watched in self:
            watched.stop(farewell)
        await self._idle_within(FAREWELL_SECONDS)

    async def _idle_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        return self._idle.is_set()

    async def close(self) -> None:
        """Stop looking."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watched:
            await asyncio.sleep(self._tick)
            now = loop.time()
            for watched in self:
                await watched.look(now)
