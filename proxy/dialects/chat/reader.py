"""Upstream Chat chunks to events: which block is open, why it stopped, what it cost.

z.ai sends finish reason and usage together in the last chunk (zai.md 0.8), others send usage in a
chunk of its own: the end is told at `[DONE]` or when the upstream closes, with the last usage seen.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from proxy import loose_json, refusals
from proxy.dialects.chat.blocks import Blocks
from proxy.dialects.chat.wire import Chunk, Delta
from proxy.dialects.events import (
    Event,
    MessageDelta,
    MessageHead,
    MessageStart,
    MessageStop,
    Stop,
)
from proxy.dialects.translation import RefusedError
from proxy.tokens.usage import Usage

STOP_REASONS: Final[Mapping[str, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "sensitive": "refusal",
}
"""Chat finish reason -> Messages stop reason; others are called the same or passed on."""

_decode = msgspec.json.Decoder(Chunk).decode


class ChatReader:
    """See `Reader`."""

    def __init__(self, reply_id: str) -> None:
        self._blocks = Blocks(reply_id)
        self._started = False
        self._stop: str | None = None
        self._usage: dict[str, Any] | None = None
        self._ended = False

    @property
    def repeats(self) -> bool:
        """See `Reader`."""
        return self._blocks.repeats

    @property
    def arguments(self) -> list[bytes] | None:
        """See `Reader`."""
        return self._blocks.arguments

    def read(self, data: bytes) -> list[Event]:
        """See `Reader`."""
        try:
            chunk = _decode(data)
        except (ValueError, RecursionError):
            if data == b"[DONE]":
                return self._done()
            chunk = _read_cut_text(data)
        if chunk.error or (
            chunk.choices is None and refusals.find_error(loose_json.decode_any(data))
        ):
            raise RefusedError
        events: list[Event] = []
        if not self._started:
            self._started = True
            events.append(MessageStart(MessageHead(id=chunk.id or "")))
        if chunk.usage:
            self._usage = chunk.usage
        for choice in chunk.choices or ():
            if choice.index:
                continue
            if choice.delta:
                self._read_delta(choice.delta, events)
            if choice.finish_reason:
                self._finish(choice.finish_reason, events)
        return events

    def _done(self) -> list[Event]:
        events: list[Event] = []
        if self._blocks.any:
            self._finish(None, events)
        return events + self.end()

    def end(self) -> list[Event]:
        """The last events, if a finish reason was told; nothing if the reply is incomplete."""
        if self._stop is None or self._ended:
            return []
        self._ended = True
        usage: dict[str, Any] = dict(Usage.from_chat(self._usage).as_messages())
        return [MessageDelta(Stop(self._stop), usage), MessageStop()]

    def _read_delta(self, delta: Delta, events: list[Event]) -> None:
        """Append what a chunk adds: of each field most chunks say nothing, which is told first."""
        if delta.reasoning_content and _says_something(delta.reasoning_content):
            self._blocks.text("thinking", delta.reasoning_content, events)
        elif delta.reasoning and _says_something(delta.reasoning):
            self._blocks.text("thinking", delta.reasoning, events)
        if delta.content and _says_something(delta.content):
            self._blocks.text("text", delta.content, events)
        if delta.refusal and _says_something(delta.refusal):
            self._blocks.text("text", delta.refusal, events)
        for call in delta.tool_calls or ():
            self._blocks.call(call, events)

    def _finish(self, reason: str | None, events: list[Event]) -> None:
        """Close what is open; `[DONE]` without a finish reason is an end like `stop`."""
        if self._stop is None:
            self._stop = STOP_REASONS.get(reason or "stop", reason)
            if self._stop == "end_turn" and self._blocks.any_calls:
                self._stop = "tool_use"
        self._blocks.close(events)


def _says_something(literal: Raw) -> bool:
    """Whether a literal is a text that is not empty (it may be null or of another type)."""
    return len(literal) > 2 and bytes(literal).startswith(b'"')


def _read_cut_text(data: bytes) -> Chunk:
    """A chunk whose text ends or begins within a surrogate pair: the literal stays as it is."""
    try:
        return loose_json.decode_typed(data, _decode)
    except (ValueError, RecursionError):
        raise RefusedError from None
