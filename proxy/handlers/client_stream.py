"""The client's side of a streamed reply: committed late, written as it comes, kept alive."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeGuard

from aiohttp import web

from proxy import sse

_HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


CLIENT_LEFT: Final = 499
"""The status of a client that left, as nginx names it; nobody sees it but the log."""


_SHORT: Final = 16 * 1024
"""Bytes that the system's buffer of a socket takes at once, if it is empty."""


class ClientLeftError(Exception):
    """The client closed its connection."""


class _Response(web.StreamResponse):
    """A response whose head leaves together with its first frame, in one write."""

    _send_headers_immediately = False  # a name of aiohttp's own; unknown to it, nothing changes


class ClientStream:
    """A `text/event-stream` response whose status line is sent at the first `commit` or `write`.

    `listener` is told what is written, if there is one.
    """

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._response: _Response | None = None
        self._preparing = asyncio.Lock()
        self._chunked: bool | None = None  # not known before the first write
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
                self.last_write = asyncio.get_running_loop().time()
                response = _Response(headers=_HEADERS)
                await response.prepare(self._request)
                self._response = response
            return self._response

    async def write(self, data: bytes) -> None:
        """Send whole frames; waits while the client reads slowly. Raises ClientLeftError."""
        response = self._response or await self.commit()
        transport = self._request.transport
        if self._chunked is not None and 0 < len(data) <= _SHORT and _is_empty(transport):
            # Nothing has to be waited for, so aiohttp's layers are spared: most events come so.
            transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        else:
            try:
                await response.write(data)
            except ConnectionError:
                raise ClientLeftError from None
            self._chunked = "transfer-encoding" in response.headers
        self.last_write = asyncio.get_running_loop().time()
        self.bytes_out += len(data)
        if self.listener:
            self.listener(data)

    async def keep_alive(self, frame: bytes = sse.comment(b"keep-alive")) -> None:
        """Send `frame` unless the client has unread bytes anyway, then waiting would block."""
        if _is_empty(self._request.transport):
            await self.write(frame)

    async def finish(self, rest: bytes = b"") -> web.StreamResponse:
        """End the body, with `rest`."""
        response = self._response or await self.commit()
        self.finished = True
        try:
            await response.write_eof(rest)
        except ConnectionError:
            raise ClientLeftError from None
        self.bytes_out += len(rest)
        if self.listener:
            self.listener(rest)
        return response


def _is_empty(transport: asyncio.Transport | None) -> TypeGuard[asyncio.Transport]:
    """Whether the client has taken all that was written, and is still there."""
    return (
        transport is not None
        and not transport.is_closing()
        and not transport.get_write_buffer_size()
    )
