"""The short way of a chunk: from the transport to a sink, past aiohttp's protocol.

When events come singly, what aiohttp does around each read costs as much as all that is done with
it. So while a sink is there, this protocol stands in the transport's first place. It takes what is
one whole chunk and leaves all else (several, parts, the end, a lost connection) to aiohttp's.
"""

import asyncio
from typing import Any, Final

from aiohttp.streams import StreamReader

from proxy.upstream.chunked import SIZES, ChunkedBody
from proxy.upstream.reply import Sink

_END: Final = b"\r\n"


class Direct(asyncio.Protocol):
    """Stands before `protocol` while there is a `sink` for what `body` brings to `reader`."""

    def __init__(self, protocol: asyncio.Protocol, body: ChunkedBody, reader: StreamReader) -> None:
        self.sink: Sink | None = None
        self._protocol = protocol
        self._body = body
        self._reader: Any = reader
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        size, _, rest = data.partition(_END)
        length = len(rest) - len(_END)
        if not (
            0 < length < len(SIZES)
            and SIZES[length] == size
            and rest.endswith(_END)
            and self._body.between
        ):
            self._protocol.data_received(data)
            return
        content = rest[:length]
        if self.sink is None or self._reader._buffer or not self.sink(content):
            self._reader.feed_data(content)

    def hand_on(self, content: bytes) -> None:
        """To the sink, if nothing waits to be read; else, and if it refuses, to the reader."""
        if self.sink is None or self._reader._buffer or not self.sink(content):
            self._reader.feed_data(content)
