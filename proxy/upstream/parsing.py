"""aiohttp's response parser with a faster way through chunked bodies.

aiohttp calls three methods for each HTTP chunk, of which z.ai sends one for each event; that is
half of what a relayed event costs. This parser stands in the place of aiohttp's, lets it read every
head and every body but plain chunked ones, and decodes those by `ChunkedBody`.
"""

from typing import Any, Final

from aiohttp import ClientPayloadError
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import TransferEncodingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

from proxy.upstream.chunked import ChunkedBody, ChunkedError
from proxy.upstream.direct import Direct
from proxy.upstream.reply import Sink

_HEAD_END: Final = b"\r\n\r\n"
Parsed = tuple[Any, bool, bytes]
"""Messages with their bodies' readers, whether the connection was upgraded, what is left over."""


class ReplyParser:
    """What `protocol` feeds with bytes; `whole` is aiohttp's own parser of the same response."""

    def __init__(self, protocol: ResponseHandler, whole: Any) -> None:
        self._protocol = protocol
        self._whole = whole
        self._last_bytes = b""
        self._head_is_over = False
        self._chunked: ChunkedBody | None = None
        self._content: StreamReader = EMPTY_PAYLOAD

    def feed_data(self, data: bytes) -> Parsed:
        """See aiohttp's parser. Raises HttpProcessingError."""
        if self._chunked:
            self._feed_body(self._chunked, data)
            return (), False, b""
        if self._head_is_over:
            parsed: Parsed = self._whole.feed_data(data)
            return parsed
        return self._feed_head(data)

    def feed_eof(self) -> Any:
        """See aiohttp's parser. Raises TransferEncodingError for a body that is not whole."""
        if self._chunked is None:
            return self._whole.feed_eof()
        if not self._chunked.ended:
            raise TransferEncodingError("Not enough data to satisfy transfer length header.")
        return None

    def pause_reading(self) -> None:
        """See aiohttp's parser: the transport is paused with it, and nothing is kept back here."""
        if self._chunked is None:
            self._whole.pause_reading()

    def divert(self, sink: Sink | None) -> None:
        """See `Source`: chunked bodies can be diverted."""
        transport = self._protocol.transport
        if transport is None or self._chunked is None:
            return
        direct = Direct(transport, self._protocol, sink) if sink and self._chunked.between else None
        transport.set_protocol(direct or self._protocol)

    def _feed_head(self, data: bytes) -> Parsed:
        begun, data = self._last_bytes, bytes(data)
        end = (begun + data).find(_HEAD_END)
        if end < 0:
            self._last_bytes = (begun + data)[-len(_HEAD_END) + 1 :]
            parsed: Parsed = self._whole.feed_data(data)
            return parsed
        end += len(_HEAD_END) - len(begun)
        messages, upgraded, tail = self._whole.feed_data(data[:end])
        rest = data[end:]
        if messages and messages[0][0].code < 200:
            self._last_bytes = b""
            more, upgraded, tail = self.feed_data(rest)
            return (*messages, *more), upgraded, tail
        self._head_is_over = True
        if len(messages) == 1 and _is_plain(*messages[0]):
            self._chunked, self._content = ChunkedBody(), messages[0][1]
            self._feed_body(self._chunked, rest)
            return messages, False, b""
        more, upgraded, tail = self._whole.feed_data(rest) if rest else ((), upgraded, tail)
        return (*messages, *more), upgraded, tail

    def _feed_body(self, body: ChunkedBody, data: bytes) -> None:
        if body.ended or not data:
            if data:
                self._protocol.force_close()  # nothing was asked for that this could answer
            return
        try:
            content = body.feed(data)
        except ChunkedError as error:
            broken = TransferEncodingError(str(error))
            self._content.set_exception(ClientPayloadError(str(error)), broken)
            raise broken from None
        self._content.feed_data(content)
        if body.ended:
            self._content.feed_eof()
            if body.rest:
                self._protocol.force_close()


def _is_plain(message: Any, content: StreamReader) -> bool:
    """Whether the body is chunked and nothing else."""
    return (
        message.chunked
        and not message.compression
        and not message.upgrade
        and content is not EMPTY_PAYLOAD
    )
