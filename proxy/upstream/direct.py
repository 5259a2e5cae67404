"""The short way of a chunk: from the transport to a sink, past aiohttp's protocol.

When events come singly, what aiohttp does around each read costs as much as all that is done with
it. So while a sink is there, this protocol stands in the transport's first place. It takes what is
one whole chunk and leaves all else (several, parts, the end, a lost connection) to aiohttp's.
"""

import asyncio
from collections.abc import Callable

from proxy.upstream.chunked import ChunkedBody


class Direct(asyncio.Protocol):
    """Stands before `protocol`; `hand_on` gets the content of each whole chunk of `body`."""

    def __init__(
        self, protocol: asyncio.Protocol, body: ChunkedBody, hand_on: Callable[[bytes], object]
    ) -> None:
        self._protocol = protocol
        self._only_chunk = body.only_chunk
        self._hand_on = hand_on
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if content := self._only_chunk(data):
            self._hand_on(content)
        else:
            self._protocol.data_received(data)
