"""The client's side of a streamed reply: committed late, written as it comes, kept alive."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from proxy import sse

_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


CLIENT_LEFT: Final = 499
"""The status of a client that left, as nginx names it; nobody sees it but the log."""


_HIGH_WATER: Final = 64 * 1024
"""Bytes that aiohttp lets wait in a client's buffer before it waits for the client."""


class ClientLeftError(Exception):
    """The client closed its connection."""


class _Response(web.StreamResponse):
    """A response whose head leaves together with its first frame, in one write."""

    _send_headers_immediately = False  # a name of aiohttp's own; unknown to it, nothing changes


class ClientStream:
    """A `text/event-stream` response whose status line is sent at the first `commit` or `write`.

    `listener` is told what is written, if there is one.
    """

    # Of many streams each event finds its objects gone from the processor's caches: the fewer the
    # places they are in, the sooner it is done.
    __slots__ = (
        *("_is_chunked", "_now", "_preparing", "_request", "_response", "_transport"),
        *("bytes_out", "committed", "finished", "last_write", "listener"),
    )

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: _Response | None = None
        self._preparing = asyncio.Lock()
        self._is_chunked = False
        self._transport: asyncio.Transport | None = None  # not before the head was sent
        self._now = asyncio.get_running_loop().time
        self.committed = False
        """Whether the client is told 200: a failure is from now on an in-stream error."""
        self.last_write = 0.0
        self.finished = False
        self.bytes_out = 0
        self.listener: Callable[[bytes], object] | None = None

    async def commit(self) -> web.StreamResponse:
        """Send the status line and headers, once, whoever comes first. Raises ClientLeftError."""
        async with self._preparing:
            if self._response is None:
                self.committed = True
                self.last_write = self._now()
                response = _Response(headers=_HEADERS)
                await response.prepare(self._request)
                self._is_chunked = "transfer-encoding" in response.headers
                self._response = response
            return self._response

    async def write(self, data: bytes) -> None:
        """Send whole frames; waits while the client reads slowly. Raises ClientLeftError."""
        response = self._response or await self.commit()
        if self.is_clear(len(data)):
            self.send(data, self._now())
            return
        try:
            await response.write(data)
        except ConnectionError:
            raise ClientLeftError from None
        self._transport = self._request.transport
        self._note(data, self._now())

    def is_clear(self, size: int) -> bool:
        """Whether `send` will do for so much: all before was taken, and the client is there."""
        transport = self._transport
        return (
            transport is not None
            and size <= _HIGH_WATER
            and not transport.get_write_buffer_size()
            and not transport.is_closing()
        )

    def send(self, data: bytes, now: float) -> None:
        """Send whole frames at once, past aiohttp's layers: most events go this way.

        `now` is the loop's time.
        """
        if data and self._transport:
            framed = b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data
            self._transport.write(framed)
            self._note(data, now)

    def _note(self, data: bytes, now: float) -> None:
        """It has been written."""
        self.bytes_out += len(data)
        self.last_write = now
        if self.listener:
            self.listener(data)

    async def keep_alive(self, frame: bytes = sse.comment(b"keep-alive")) -> None:
        """Send `frame` unless the client has unread bytes anyway, then waiting would block."""
        if self._transport is None or self.is_clear(len(frame)):
            await self.write(frame)

    async def finish(self, rest: bytes = b"") -> web.StreamResponse:
        """End the body, with `rest`."""
        response = self._response or await self.commit()
        self.finished = True
        try:
            await response.write_eof(rest)
        except ConnectionError:
            raise ClientLeftError from None
        self._note(rest, self._now())
        return response
