"""Events to Chat chunks for a client whose reply comes from the Messages side.

Blocks that Chat has no word for (redacted thinking, server tools) are left out; a call of a server
tool must not look like one the client should answer.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw

from proxy import literals
from proxy.dialects.chat.frames import DONE, ZAI_FINISH_REASONS, chunk
from proxy.dialects.events import (
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    Event,
    InputJsonDelta,
    MessageDelta,
    MessageStart,
    MessageStop,
    TextDelta,
    ThinkingDelta,
)
from proxy.dialects.transcoder import ReplyContext
from proxy.loose_json import encode
from proxy.tokens.usage import Usage

FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    **ZAI_FINISH_REASONS,
}
"""Messages stop reason -> Chat finish reason; an unknown one is passed on as it is."""

_DELTA: Final = b'data: %s,"choices":[{"index":0,"delta":{%s},"finish_reason":null}]}\n\n'
_TEXT: Final = b'"content":%s'
_REASONING: Final = b'"reasoning_content":%s'
_ARGUMENTS: Final = b'"tool_calls":[{"index":%d,"function":{"arguments":%s}}]'


class ChatWriter:
    """See `Writer`."""

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._set_id(context.reply_id)
        self._block: Block | None = None
        self._call = -1
        self._arguments_seen = False
        self._stop_reason = "end_turn"

    def write(self, event: Event, usage: Usage, out: list[bytes]) -> None:
        """Append the chunk of `event`, if a Chat client is to see one."""
        if type(event) is BlockDelta:
            delta = event.delta
            if type(delta) is TextDelta:
                out.append(self._delta(_TEXT % delta.text))
            elif type(delta) is ThinkingDelta:
                out.append(self._delta(_REASONING % delta.thinking))
            elif type(delta) is InputJsonDelta and self._block and _is_call(self._block):
                self._write_arguments(delta.partial_json, out)
        else:
            self._write_rest(event, usage, out)

    def _set_id(self, reply_id: str) -> None:
        self._head: dict[str, Any] = {
            "id": reply_id,
            "object": "chat.completion.chunk",
            "created": self._context.created,
            "model": self._context.model,
        }
        self._opening = encode(self._head)[:-1]

    def _delta(self, delta: bytes) -> bytes:
        return _DELTA % (self._opening, delta)

    def _write_rest(self, event: Event, usage: Usage, out: list[bytes]) -> None:
        if type(event) is MessageStart:
            self._set_id(event.message.id or self._context.reply_id)
            out.append(self._choice({"role": "assistant", "content": ""}))
        elif type(event) is BlockStart:
            self._start_block(event.content_block, out)
        elif type(event) is BlockStop:
            self._stop_block(out)
        elif type(event) is MessageDelta:
            self._stop_reason = event.delta.stop_reason or self._stop_reason
        elif type(event) is MessageStop:
            self._finish(usage, out)

    def _finish(self, usage: Usage, out: list[bytes]) -> None:
        """Only what ends may have a finish reason, so it waits for `message_stop`."""
        told = usage.as_chat(self._context.scale)
        asked = self._context.include_usage
        reason = FINISH_REASONS.get(self._stop_reason, self._stop_reason)
        out.append(self._choice({}, reason, None if asked else told))
        if asked:
            out.append(chunk(self._head, [], told))
        out.append(DONE)

    def _start_block(self, block: Block, out: list[bytes]) -> None:
        self._block = block
        self._arguments_seen = False
        if _is_call(block):
            self._call += 1
            function = {"name": block.name, "arguments": ""}
            call_id = block.id or f"call_{self._context.reply_id}_{self._call}"
            call = {"index": self._call, "id": call_id, "type": "function", "function": function}
            out.append(self._choice({"tool_calls": [call]}))
        elif len(block.text) > 2:
            out.append(self._delta(_TEXT % block.text))
        elif len(block.thinking) > 2:
            out.append(self._delta(_REASONING % block.thinking))

    def _stop_block(self, out: list[bytes]) -> None:
        """A call without a single piece of arguments gets those of its start, at least `{}`."""
        block, self._block = self._block, None
        if block and _is_call(block) and not self._arguments_seen:
            told = bytes(block.input)
            whole = encode(told.decode(errors="replace") if told.startswith(b"{") else "{}")
            out.append(self._delta(_ARGUMENTS % (self._call, whole)))

    def _write_arguments(self, literal: Raw, out: list[bytes]) -> None:
        if len(literal) > 2 and literal != literals.NULL:
            self._arguments_seen = True
            out.append(self._delta(_ARGUMENTS % (self._call, literal)))

    def _choice(self, delta: dict[str, Any], finish: str | None = None, usage: Any = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return chunk(self._head, [choice], usage)


def _is_call(block: Block) -> bool:
    """Whether the client is to answer it: its own tool, with a name to call it by."""
    return block.type == "tool_use" and bool(block.name)
