"""The transcoder between two dialects: frames to events, events to the client's bytes."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Raw

from proxy.dialects import stencil
from proxy.dialects.events import (
    BlockDelta,
    BlockStart,
    Event,
    InputJsonDelta,
    MessageDelta,
    MessageStart,
    MessageStop,
)
from proxy.dialects.transcoder import ReplyContext, Transcoder
from proxy.loose_json import decode_any, encode
from proxy.sse import data_of
from proxy.tokens.usage import Usage


class RefusedError(Exception):
    """A frame tells an error, or nothing that could be understood."""


class Reader(Protocol):
    """Frames of one upstream dialect to events.

    A delta that `repeats` changed nothing in the reader, so more like it need not be read; but of
    those of a call, the strings are added to `arguments`.
    """

    @property
    def repeats(self) -> bool:
        """Whether the last delta was such a one."""

    @property
    def arguments(self) -> list[bytes] | None:
        """What the reader has to know of the call that is open, if it has to."""

    def read(self, data: bytes) -> Sequence[Event]:
        """The events that the data of a frame gives rise to. Raises RefusedError."""

    def end(self) -> Sequence[Event]:
        """The events still due when the upstream closes."""


class Writer(Protocol):
    """Events to bytes of one client dialect."""

    def write(self, event: Event, usage: Usage, out: list[bytes]) -> None:
        """Append what the client is to see of `event`; `usage` is all the upstream told so far."""


class Translation(Transcoder):
    """A reader and a writer of different dialects, driven frame by frame.

    A delta that came alone changes nothing, so frames like it go by its stencil.
    """

    __slots__ = ("_fresh", "_reader", "_writer")

    def __init__(self, context: ReplyContext, reader: Reader, writer: Writer) -> None:
        super().__init__(context)
        self._reader = reader
        self._writer = writer
        self._fresh: dict[int, str] = {}

    def _frame(self, frame: bytes) -> bytes:
        data = data_of(frame)
        if not data:
            return b""
        try:
            events = self._reader.read(data)
        except RefusedError:
            self.fail_with(data)
            return b""
        if len(events) == 1 and type(events[0]) is BlockDelta:
            return self._delta(events[0], frame)
        return self._write(events)

    def _delta(self, event: BlockDelta, frame: bytes) -> bytes:
        """A delta that came alone: its stencil is learned, unless its arguments were mended."""
        [field] = event.delta.__struct_fields__
        literal = getattr(event.delta, field)
        told = self._write((event,))
        if self._reader.repeats and getattr(event.delta, field) is literal:
            self._stencil = stencil.learn(
                bytes(literal),
                frame,
                told,
                merges=not self.context.streams,
                keeps=self._reader.arguments,
            )
        return told

    def _write(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if type(event) is not BlockDelta or self.phase != "streaming":
                self._follow(event)
                if self.phase == "failed":
                    break
            if self._fresh and type(event) is BlockDelta:
                self._mend_first_piece(event)
            self._writer.write(event, self.usage, out)
        return b"".join(out)

    def _end(self) -> bytes:
        return self._write(self._reader.end())

    def _follow(self, event: Event) -> None:
        """Learn phase, usage and stop reason from the events that carry them."""
        if type(event) is MessageStart:
            self.usage = self.usage.updated(Usage.from_messages(event.message.usage))
        elif type(event) is MessageDelta:
            self.usage = self.usage.updated(Usage.from_messages(event.usage))
            self.stopped(event.delta.stop_reason)
        elif type(event) is MessageStop:
            self.phase = "ended"
        else:
            self.progress()
            if type(event) is BlockStart and event.content_block.type == "tool_use":
                name = event.content_block.name
                if name and name in self.context.schemas:
                    self._fresh[event.index] = name

    def _mend_first_piece(self, event: BlockDelta) -> None:
        """Arguments that came in one piece, as their schema proves they were meant."""
        delta = event.delta
        if not isinstance(delta, InputJsonDelta) or len(delta.partial_json) <= len('""'):
            return
        name = self._fresh.pop(event.index, None)
        arguments = decode_any(bytes(delta.partial_json))
        mended = self.mended(name, arguments) if isinstance(arguments, str) else None
        if mended is not None:
            delta.partial_json = Raw(encode(mended))
