"""What the upstream sends, as it comes: all that is there, once there is something.

Waking a task costs more than most events do, so a reader may leave a `sink`, which is handed what
arrives while the reader waits, there and then, and wakes the reader only when it has to.
"""

import asyncio

import aiohttp

from proxy.handlers.limits import Clock
from proxy.upstream.lean import read_available
from proxy.upstream.reply import Reply, Sink


class Chunks:
    """An asynchronous iterator over a reply's body; `whole` is all of it, if it was read already.

    A body that breaks off ends like any other: the transcoder knows whether it came too early.
    """

    def __init__(self, reply: Reply, clock: Clock, whole: bytes | None) -> None:
        self._content = reply.content
        self._source = reply.source
        self.clock = clock
        self._whole = whole
        self._is_over = whole is not None
        self._now = asyncio.get_running_loop().time
        self.sink: Sink | None = None
        """Takes chunks past the iterator, where that is possible; see `Source`. It has to tell the
        clock that something came."""

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> bytes:
        if self._whole is not None:
            whole, self._whole = self._whole, None
            return whole
        if self._is_over:
            raise StopAsyncIteration
        self.clock.reading = self._now()
        if self._source and self.sink:
            self._source.divert(self.sink)
        try:
            chunk = await read_available(self._content)
        except aiohttp.ClientPayloadError:
            raise StopAsyncIteration from None
        finally:
            self.clock.reading = None
            if self._source:
                self._source.divert(None)
        if not chunk:
            raise StopAsyncIteration
        return chunk
