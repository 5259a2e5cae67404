"""Posts and reads below aiohttp's client session: the one room that knows aiohttp inside.

A session takes more than twice the time of what is done here (`docs/performance.md`). So here a
connection is taken from aiohttp's pool, the request is written in one piece, the answer is parsed
by `parsing.py`, and all that has arrived is handed on at once. Where aiohttp is not as expected
(another version, a test double in place of its session) the public API does the work.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp import http_exceptions
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader
from yarl import URL

from proxy.upstream.parsing import ReplyParser
from proxy.upstream.reply import Reply, StaleConnectionError, is_stale

_KNOWN_SERIES: Final = "3.14."
_INSIDE: Final = {
    StreamReader: (
        *("_buffer", "_buffer_offset", "_cursor", "_eof", "_exception", "_loop"),
        *("_http_chunk_splits", "_protocol", "_size", "_waiter"),
    ),
    ResponseHandler: ("set_response_params", "read", "should_close", "_parser", "_reading_paused"),
    aiohttp.TCPConnector: ("connect",),
    Connection: ("protocol", "release", "close"),
}
KNOWN: Final = aiohttp.__version__.startswith(_KNOWN_SERIES) and all(
    hasattr(owner, name) for owner, names in _INSIDE.items() for name in names
)
"""Whether the installed aiohttp is the one that was tried."""

_SESSION_REQUEST: Final = aiohttp.ClientSession._request

_JOINED_LIMIT: Final = 64 * 1024
"""Up to here head and body are copied into one write."""


def usable() -> bool:
    """Whether to use this room: not where a test double has taken the session's place."""
    return KNOWN and aiohttp.ClientSession._request is _SESSION_REQUEST


class LeanClient:
    """See `Client`: to one base, without an HTTP proxy, over the connections of `connector`."""

    def __init__(
        self,
        connector: aiohttp.TCPConnector,
        base: str,
        *,
        timeout: aiohttp.ClientTimeout,
        user_agent: str,
        read_buffer: int,
    ) -> None:
        url = URL(base)
        self._connector = connector
        self._timeout = timeout
        self._read_buffer = read_buffer
        self._path = url.raw_path.rstrip("/")
        self._user_agent = user_agent
        self._target = aiohttp.ClientRequest("POST", url, loop=asyncio.get_running_loop())
        self._host = self._target.headers["host"]

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """See `Client`."""
        connection = await self._connector.connect(self._target, [], self._timeout)
        reused = _was_pooled(connection)
        try:
            return await self._exchange(connection, self._head(path, body, headers), body)
        except BaseException as error:
            connection.close()
            if isinstance(error, http_exceptions.HttpProcessingError):
                raise aiohttp.ClientResponseError(
                    self._target.request_info, (), status=error.code, message=error.message
                ) from error
            if reused and isinstance(error, aiohttp.ClientError) and is_stale(error):
                raise StaleConnectionError from error
            raise

    @property
    def key(self) -> object:
        """What the pool knows the target by: two bases on one host share connections."""
        return self._target.connection_key

    @property
    def idle(self) -> int:
        """How many open connections wait in the pool."""
        inside: Any = self._connector
        waiting = inside._conns.get(self._target.connection_key, ())
        return sum(protocol.is_connected() for protocol, _since in waiting)

    async def warm(self) -> None:
        """Leave one more open connection in the pool: not one that waits there already.

        Raises TimeoutError and aiohttp.ClientError.
        """
        taken: list[Connection] = []
        try:
            while not taken or _was_pooled(taken[-1]):
                taken.append(await self._connector.connect(self._target, [], self._timeout))
        finally:
            for connection in taken:
                self._give_back(connection)

    async def _exchange(self, connection: Connection, head: bytes, body: bytes) -> Reply:
        protocol = connection.protocol
        transport = connection.transport
        if protocol is None or transport is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True, read_bufsize=self._read_buffer)
        inside: Any = protocol
        inside._parser = parser = ReplyParser(protocol, inside._parser)
        if len(body) <= _JOINED_LIMIT:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        message, content = await protocol.read()
        while 100 <= message.code < 200:  # only announces the response
            message, content = await protocol.read()
        release = partial(self._release, connection)
        return Reply(message.code, message.headers, content, release, parser)

    def _release(self, connection: Connection) -> None:
        """Back to the pool, if both sides have said all they had to say; else closed."""
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None or transport.get_write_buffer_size():
            connection.close()
        else:
            self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        inside: Any = connection.protocol
        if inside is not None:
            inside.was_pooled = True  # a mark of ours on aiohttp's object, which lives as long
        connection.release()

    def _head(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Request line and headers. Raises ValueError for a header that would make two of one."""
        told = {
            "host": self._host,
            "user-agent": self._user_agent,
            **headers,
            "content-length": str(len(body)),
        }
        lines = [f"POST {self._path}{path} HTTP/1.1", *map(": ".join, told.items())]
        text = "".join(lines)
        if "\r" in text or "\n" in text or "\0" in text:
            raise ValueError("a header contains a line break")
        return "\r\n".join([*lines, "\r\n"]).encode("utf-8", "surrogateescape")


def _was_pooled(connection: Connection) -> bool:
    """Whether the connection has waited in the pool before."""
    return hasattr(connection.protocol, "was_pooled")


async def read_available(content: StreamReader) -> bytes:
    """All bytes that are there, once there are any; `b""` at the end of the body.

    Raises what `readany` raises, but not before what came in time was handed on.
    """
    inside: Any = content
    if not KNOWN or type(content) is not StreamReader:
        return await content.readany()
    buffer = inside._buffer
    while not buffer and not inside._eof and inside._exception is None:
        inside._waiter = arriving = inside._loop.create_future()
        await arriving
    if not buffer or inside._buffer_offset:
        return content.read_nowait()
    whole: bytes = buffer[0] if len(buffer) == 1 else b"".join(buffer)
    buffer.clear()
    inside._size = 0
    inside._cursor += len(whole)
    if inside._http_chunk_splits:
        inside._http_chunk_splits.clear()
    if inside._protocol._reading_paused:
        inside._protocol.resume_reading()
    return whole
