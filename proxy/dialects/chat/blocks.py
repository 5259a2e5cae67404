"""Chat deltas, in whatever order they come, as Messages blocks of which one at a time is open.

A Chat stream may announce several tool calls and then send their arguments interleaved; a Messages
client expects a block to be finished before the next begins. So the block that opened first
streams, the others wait with their pieces, and move up when it is complete: text at the next block,
a tool call when its arguments are a whole JSON object or the reply ends.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Raw

from proxy.dialects.chat.calls import CallPositions
from proxy.dialects.chat.wire import CallDelta
from proxy.dialects.events import (
    Block,
    BlockDelta,
    BlockStart,
    BlockStop,
    Event,
    InputJsonDelta,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
)

Kind = Literal["text", "thinking", "tool_use"]
_Piece: TypeAlias = type[TextDelta] | type[ThinkingDelta] | type[InputJsonDelta]

UNSIGNED: Final = Raw(b'"Z2xtLXVuc2lnbmVk"')
"""GLM does not sign its reasoning; clients want a signature all the same (base64 of a remark)."""

_NOT_IN_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
"""What the Messages side refuses in the id of a call."""

_DELTA: Final[dict[Kind, _Piece]] = {
    "text": TextDelta,
    "thinking": ThinkingDelta,
    "tool_use": InputJsonDelta,
}


@dataclass(slots=True)
class _Block:
    """A block that is open, waits, or is done; `pieces` are literals not yet passed on.

    `arguments` are all pieces of a call, without their quotes.
    """

    kind: Kind
    id: str = ""
    name: str = ""
    pieces: list[bytes] = field(default_factory=list)
    arguments: list[bytes] = field(default_factory=list)
    done: bool = False

    def complete(self) -> bool:
        """Whether another block may begin behind this one."""
        if self.kind != "tool_use":
            return True
        if not self.arguments or not self.arguments[-1].endswith(b"}"):
            return False
        literal = b'"' + b"".join(self.arguments) + b'"'
        try:
            return isinstance(msgspec.json.decode(msgspec.json.decode(literal, type=str)), dict)
        except (ValueError, RecursionError):
            return False


class Blocks:
    """Takes pieces, appends events to `out`; `reply_id` makes up ids for calls that have none."""

    def __init__(self, reply_id: str) -> None:
        self._reply_id = reply_id
        self._open: _Block | None = None
        self._index = -1
        self._waiting: deque[_Block] = deque()
        self._positions = CallPositions()
        self._calls: dict[int, _Block] = {}
        self.repeats = False
        """Whether the last piece, if it gave one delta only, would give one again and no more."""

    @property
    def any(self) -> bool:
        """Whether the reply has any content."""
        return self._index >= 0

    @property
    def any_calls(self) -> bool:
        """Whether the reply calls a tool; a call without a name is none."""
        return any(call.name for call in self._calls.values())

    @property
    def arguments(self) -> list[bytes] | None:
        """The pieces of the call that is open, without their quotes."""
        return self._open.arguments if self._open and self._open.kind == "tool_use" else None

    def text(self, kind: Literal["text", "thinking"], literal: Raw, out: list[Event]) -> None:
        """A piece of text or of reasoning."""
        self.repeats = not self._waiting
        if self._open and self._open.kind == kind and not self._waiting:
            out.append(BlockDelta(self._index, _DELTA[kind](literal)))
            return
        last = self._waiting[-1] if self._waiting else None
        if last is None or last.kind != kind:
            last = _Block(kind)
            self._waiting.append(last)
        last.pieces.append(bytes(literal))
        out += self._advance()

    def call(self, delta: CallDelta, out: list[Event]) -> None:
        """A piece of a tool call, perhaps its first."""
        function = delta.function
        block = self._call_of(delta, (function and function.name) or "")
        told = bytes(function.arguments) if function else b""
        literal = _string_literal(told)
        if len(literal) > 2 and not block.done:
            block.pieces.append(literal)
            block.arguments.append(literal[1:-1])
        out += self._advance()
        self.repeats = literal == told and not self._waiting

    def close(self, out: list[Event]) -> None:
        """The reply ends: everything that waits, in order."""
        while self._open or self._waiting:
            out += self._stop()
            if self._waiting:
                out += self._start(self._waiting.popleft())

    def _call_of(self, delta: CallDelta, name: str) -> _Block:
        """The call's block; it queues once it has a name, without one it cannot be called."""
        position = self._positions.of(delta.index, delta.id, name)
        block = self._calls.get(position)
        if block is None:
            block = self._calls[position] = _Block("tool_use")
        if not block.name:
            block.id = block.id or _NOT_IN_ID.sub("_", delta.id or "")
            if name:
                block.id = block.id or f"call_{self._reply_id}_{position}"
                block.name = name
                self._waiting.append(block)
        return block

    def _advance(self) -> Iterator[Event]:
        """Pass on what the open block has, and move up those that wait, as far as may be."""
        while True:
            if self._open:
                yield from self._flush()
                if not self._waiting or not self._open.complete():
                    return
                yield from self._stop()
            if not self._waiting:
                return
            yield from self._start(self._waiting.popleft())

    def _start(self, block: _Block) -> Iterator[Event]:
        self._open = block
        self._index += 1
        head = Block(block.kind)
        if block.kind == "tool_use":
            head = Block(block.kind, id=block.id, name=block.name)
        yield BlockStart(self._index, head)
        yield from self._flush()

    def _flush(self) -> Iterator[Event]:
        if self._open:
            for literal in self._open.pieces:
                yield BlockDelta(self._index, _DELTA[self._open.kind](Raw(literal)))
            self._open.pieces.clear()

    def _stop(self) -> Iterator[Event]:
        if self._open:
            if self._open.kind == "thinking":
                yield BlockDelta(self._index, SignatureDelta(UNSIGNED))
            yield BlockStop(self._index)
            self._open.done = True
            self._open = None


def _string_literal(raw: bytes) -> bytes:
    """Arguments as a string literal; an object in their place becomes the string it should be."""
    if not raw or raw == b"null":
        return b""
    return raw if raw.startswith(b'"') else msgspec.json.encode(raw.decode(errors="replace"))
