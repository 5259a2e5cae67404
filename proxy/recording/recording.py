"""What happens to one request, noted while it happens: references in a list, nothing more.

An exchange that is recorded has a `RecordedStream` in place of its stream and a `RecordedUpstream`
in place of the upstream, and else knows nothing of it; one that is not recorded has neither.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, cast

import aiohttp
from aiohttp import web
from aiohttp.streams import StreamReader
from yarl import URL

from proxy import sse
from proxy.dialects.transcoder import ReplyContext
from proxy.handlers.client_stream import ClientStream
from proxy.recording.lines import (
    AnyLine,
    Attempt,
    Chunk,
    Cut,
    Octets,
    Response,
    UpstreamEnd,
    Write,
)
from proxy.routing import EndpointName
from proxy.upstream.client import Upstream
from proxy.upstream.lean import read_available
from proxy.upstream.reply import Reply

LIMIT: Final = 32 * 1024 * 1024
"""Bytes of bodies that a recording holds at most."""

_REQUEST_HEADERS: Final = (
    "accept",
    "accept-encoding",
    "anthropic-",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "x-request-id",
    "x-stainless-",
)
_RESPONSE_HEADERS: Final = (
    "anthropic-ratelimit-",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "request-id",
    "retry-after",
    "server",
    "transfer-encoding",
    "x-log-id",
    "x-ratelimit-",
    "x-request-id",
    "x-should-retry",
)
"""Beginnings of the names of headers that may be kept: none that carries a key or a cookie."""


class Recording:
    """The lines so far, and the context of the last reply."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.lines: list[AnyLine] = []
        self.context: ReplyContext | None = None
        self._began = time.perf_counter()
        self._limit = limit
        self._left = limit

    @property
    def now(self) -> float:
        """Milliseconds since it began."""
        return round((time.perf_counter() - self._began) * 1000, 3)

    def add(self, line: AnyLine, size: int = 0) -> None:
        """Note a line with so many bytes, unless there have been too many."""
        if self._left < 0:
            return
        self._left -= size
        self.lines.append(line if self._left >= 0 else Cut(self.now, self._limit))

    def stream(self, request: web.Request) -> ClientStream:
        """The client's stream, recorded."""
        return RecordedStream(request, self)

    def upstream(self, upstream: Upstream) -> "RecordedUpstream":
        """The upstream, recorded."""
        return RecordedUpstream(upstream, self)


class RecordedStream(ClientStream):
    """A client's stream whose writes are noted as they are handed over."""

    def __init__(self, request: web.Request, recording: Recording) -> None:
        super().__init__(request)
        self._recording = recording
        self._timed: bytes | None = None

    async def write(self, data: bytes) -> None:
        """See `ClientStream`."""
        recording = self._recording
        line = Write(recording.now, Octets(data), keep_alive=data is self._timed)
        recording.add(line, len(data))
        await super().write(data)

    async def finish(self, rest: bytes = b"") -> web.StreamResponse:
        """See `ClientStream`."""
        if rest:
            self._recording.add(Write(self._recording.now, Octets(rest)), len(rest))
        return await super().finish(rest)

    async def keep_alive(self, frame: bytes = sse.comment(b"keep-alive")) -> None:
        """See `ClientStream`. No reply ever writes the very object that `frame` is."""
        self._timed = frame
        await super().keep_alive(frame)


class RecordedUpstream:
    """An upstream whose attempts and answers are noted."""

    def __init__(self, upstream: Upstream, recording: Recording) -> None:
        self._upstream = upstream
        self._recording = recording
        self._sent: bytes | None = None

    @asynccontextmanager
    async def open(
        self, endpoint: EndpointName, path: str, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[Reply]:
        """See `Upstream`."""
        recording = self._recording
        url = str(URL(self._upstream.bases[endpoint]).with_user(None)) + path
        told = None if body == self._sent else Octets(body)
        self._sent = body
        attempt = Attempt(recording.now, url, request_headers(headers), told)
        recording.add(attempt, len(body) if told else 0)
        async with self._upstream.open(endpoint, path, body, headers) as response:
            kept = response_headers(response.headers)
            recording.add(Response(recording.now, response.status, kept))
            content = _RecordedContent(response.content, recording)
            yield replace(response, content=cast("StreamReader", content), source=None)


class _RecordedContent:
    """The reader of a body; what a read brings is a chunk."""

    def __init__(self, content: StreamReader, recording: Recording) -> None:
        self._content = content
        self._recording = recording

    async def readany(self) -> bytes:
        """All that is there, as the gateway reads it when it does not record."""
        recording = self._recording
        try:
            chunk = await read_available(self._content)
        except aiohttp.ClientError:
            recording.add(UpstreamEnd(recording.now, broken=True))
            raise
        if chunk:
            recording.add(Chunk(recording.now, Octets(chunk)), len(chunk))
        else:
            recording.add(UpstreamEnd(recording.now))
        return chunk

    def at_eof(self) -> bool:
        """See `StreamReader`."""
        return self._content.at_eof()


def request_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What is kept of the headers of a request."""
    return _kept(headers, _REQUEST_HEADERS)


def response_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What is kept of the headers of an answer."""
    return _kept(headers, _RESPONSE_HEADERS)


def _kept(headers: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Bytes that are no text are told by their escapes."""
    return {
        name.lower(): value.encode(errors="backslashreplace").decode()
        for name, value in headers.items()
        if name.lower().startswith(names)
    }
