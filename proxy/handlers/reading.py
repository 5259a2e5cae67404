"""What the upstream sends, as it comes: all that is there, once there is something."""

import asyncio

import aiohttp

from proxy.handlers.limits import Clock
from proxy.upstream.lean import read_available


class Chunks:
    """An asynchronous iterator over a reply's body; `whole` is all of it, if it was read already.

    A body that breaks off ends like any other: the transcoder knows whether it came too early.
    """

    def __init__(self, content: aiohttp.StreamReader, clock: Clock, whole: bytes | None) -> None:
        self._content = content
        self._clock = clock
        self._whole = whole
        self._is_over = whole is not None
        self._now = asyncio.get_running_loop().time

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> bytes:
        if self._whole is not None:
            whole, self._whole = self._whole, None
            return whole
        if self._is_over:
            raise StopAsyncIteration
        self._clock.reading = self._now()
        try:
            chunk = await read_available(self._content)
        except aiohttp.ClientPayloadError:
            raise StopAsyncIteration from None
        self._clock.reading = None
        if not chunk:
            raise StopAsyncIteration
        return chunk
