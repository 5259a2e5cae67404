"""The short way of a chunk: from the transport to a sink, past aiohttp's protocol.

When events come singly, what aiohttp does around each read costs as much as all that is done with
it. So while a reader waits that has a sink, this protocol stands in the transport's first place. It
takes what is one whole chunk; at anything else (several, parts, the end, a lost connection, a sink
that refuses) it steps aside, and aiohttp's protocol is told as if nothing had stood before it.
"""

import asyncio
from typing import Final

from proxy.upstream.chunked import SIZES
from proxy.upstream.reply import Sink

_END: Final = b"\r\n"
_HEADS: Final = {
    len(head) + length + len(_END): head
    for length, head in enumerate(size + _END for size in SIZES)
    if length
}
"""How a chunk begins that has this many bytes in all."""


class Direct(asyncio.Protocol):
    """Stands before `protocol`, in `transport`, and hands chunks to `sink`; the first one begins
    with the next byte."""

    __slots__ = ("_protocol", "_sink", "_transport")

    def __init__(
        self, transport: asyncio.Transport, protocol: asyncio.Protocol, sink: Sink
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        self._sink = sink

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        head = _HEADS.get(len(data))
        if (
            head
            and data.startswith(head)
            and data.endswith(_END)
            and self._sink(data[len(head) : -len(_END)])
        ):
            return
        self._transport.set_protocol(self._protocol)
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """See `asyncio.Protocol`."""
        return self._protocol.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._protocol.resume_writing()
