"""Events to Messages frames for a client whose reply comes from another dialect."""

from typing import Final

from proxy import sse
from proxy.dialects.events import (
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    Delta,
    Event,
    InputJsonDelta,
    MessageDelta,
    MessageStart,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
)
from proxy.dialects.messages.frames import message_start
from proxy.dialects.transcoder import ReplyContext
from proxy.loose_json import encode
from proxy.tokens.usage import Usage

_DELTA: Final = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":%s}}\n\n'
)
_EMPTY_BLOCKS: Final[dict[str, dict[str, object]]] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}
_STOP: Final = sse.frame(b'{"type":"message_stop"}', b"message_stop")


class MessagesWriter:
    """See `Writer`."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context

    def write(self, event: Event, usage: Usage, out: list[bytes]) -> None:
        """Append the frame of `event`."""
        if type(event) is BlockDelta:
            out.append(_delta(event.index, event.delta))
        else:
            out.append(self._frame(event, usage))

    def _frame(self, event: Event, usage: Usage) -> bytes:
        if type(event) is MessageStart:
            head = {"id": event.message.id or self._context.reply_id}
            return message_start(self._context, head, usage)
        if type(event) is BlockStart:
            start = {
                "type": "content_block_start",
                "index": event.index,
                "content_block": _empty_block(event.content_block),
            }
            return sse.frame(encode(start), b"content_block_start")
        if type(event) is BlockStop:
            stop = b'{"type":"content_block_stop","index":%d}' % event.index
            return sse.frame(stop, b"content_block_stop")
        if type(event) is MessageDelta:
            end = {
                "type": "message_delta",
                "delta": {
                    "stop_reason": event.delta.stop_reason,
                    "stop_sequence": event.delta.stop_sequence,
                },
                "usage": usage.as_messages(self._context.scale),
            }
            return sse.frame(encode(end), b"message_delta")
        return _STOP


def _delta(index: int, delta: Delta) -> bytes:
    match delta:
        case TextDelta(text=literal):
            return _DELTA % (index, b"text_delta", b"text", literal)
        case ThinkingDelta(thinking=literal):
            return _DELTA % (index, b"thinking_delta", b"thinking", literal)
        case InputJsonDelta(partial_json=literal):
            return _DELTA % (index, b"input_json_delta", b"partial_json", literal)
        case SignatureDelta(signature=literal):
            return _DELTA % (index, b"signature_delta", b"signature", literal)


def _empty_block(block: Block) -> dict[str, object]:
    """A block as it opens: clients read its content from deltas alone (zai.md 1.2)."""
    return _EMPTY_BLOCKS.get(block.type) or {
        "type": block.type,
        "id": block.id,
        "name": block.name,
        "input": {},
    }
