"""Messages in, Messages out: bytes pass untouched but for model, usage, errors and missing keys."""

import re
from typing import Any, Final

from proxy import refusals, sse
from proxy.dialects.messages.frames import message_start
from proxy.dialects.relay import LITERAL, Relay
from proxy.dialects.transcoder import ReplyContext
from proxy.loose_json import decode_any, encode, members
from proxy.tokens.usage import Usage, relay_messages_usage

_OWNED: Final = (b"message_", b"error", b"data: [")
"""Start, delta and stop of the message; errors in JSON or by event name; a bare `[1302][..]`."""

_CALLS: Final = (b'"tool_use"', b'"input_json_delta"')
"""Where the arguments are, of tools whose schema is known."""

_DELTA: Final = re.compile(
    rb'(?:event: content_block_delta\n)?data: \{"type": ?"content_block_delta", ?"index": ?\d+, ?'
    rb'"delta": ?\{"type": ?"(?:text|thinking|input_json)_delta", ?'
    rb'"(?:text|thinking|partial_json)": ?%s\}\}' % LITERAL
)
"""A delta that a fold takes nothing from but its text."""


class MessagesRelay(Relay):
    """See `Transcoder`."""

    __slots__ = ("_fresh",)

    in_texts = re.compile(rb"message_|error|data: \[")
    delta = _DELTA

    def __init__(self, context: ReplyContext) -> None:
        super().__init__(context, _OWNED + _CALLS if context.schemas else _OWNED)
        self._fresh: dict[int, str] = {}

    def _looks_at_all(self) -> bool:
        return self.phase == "waiting"

    def _look(self, frame: bytes) -> bytes | None:
        data = sse.data_of(frame)
        if not data:
            return frame + sse.END
        event = decode_any(data)
        if not isinstance(event, dict) or refusals.find_error(event):
            if data != b"[DONE]":
                self.fail_with(data)
            return b""
        kind = event.get("type")
        if kind == "message_start":
            return self._start(event)
        if kind == "message_delta":
            return self._stop_reason(event)
        if kind == "message_stop":
            return self._stop(event)
        if kind in ("content_block_start", "content_block_delta"):
            self.progress()
            if self.context.schemas and self._mended(event):
                return sse.frame(encode(event), kind.encode())
            if kind == "content_block_delta":
                return None
        return frame + sse.END

    def _mended(self, event: dict[str, Any]) -> bool:
        """Whether `event` was the first piece of broken arguments, which now it is not."""
        match event:
            case {
                "index": int() as index,
                "content_block": {"type": "tool_use", "name": str() as name},
            }:
                self._fresh[index] = name
            case {"index": int() as index, "delta": {"partial_json": str() as piece} as delta}:
                mended = self.mended(self._fresh.pop(index, None), piece) if piece else None
                if mended is not None:
                    delta["partial_json"] = mended
                return mended is not None
        return False

    def _start(self, event: dict[str, Any]) -> bytes:
        message = members(event.get("message"))
        self.usage = self.usage.updated(Usage.from_messages(message.get("usage")))
        return message_start(self.context, message, self.usage)

    def _stop_reason(self, event: dict[str, Any]) -> bytes:
        delta = members(event.get("delta"))
        self.usage = self.usage.updated(Usage.from_messages(event.get("usage")))
        reason = delta.get("stop_reason")
        self.stopped(str(reason) if reason else None)
        if self.phase == "failed":
            return b""
        usage = relay_messages_usage(event.get("usage"), self.usage, self.context.scale)
        event = {**event, "delta": {"stop_reason": None, "stop_sequence": None, **delta}}
        return sse.frame(encode({**event, "usage": usage}), b"message_delta")

    def _stop(self, event: dict[str, Any]) -> bytes:
        self.phase = "ended"
        return sse.frame(encode(event), b"message_stop")
