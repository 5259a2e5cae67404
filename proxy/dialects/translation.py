"""The transcoder between two dialects: frames to events, events to the client's bytes."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Raw

from proxy.dialects.events import (
    Block,
    BlockDelta,
    BlockStart,
    Event,
    InputJsonDelta,
    MessageDelta,
    MessageStart,
    MessageStop,
)
from proxy.dialects.transcoder import Phase, ReplyContext, Transcoder
from proxy.loose_json import decode_any, encode
from proxy.sse import payloads
from proxy.tokens.usage import Usage


class RefusedError(Exception):
    """A frame tells an error, or nothing that could be understood; `data` is what it says.

    `events` are those of the frames before it.
    """

    def __init__(self, data: bytes, events: Sequence[Event] = ()) -> None:
        super().__init__("the upstream refused")
        self.data = data
        self.events = events


class Reader(Protocol):
    """Frames of one upstream dialect to events."""

    def read(self, frames: list[bytes]) -> Sequence[Event]:
        """The events that the data of frames gives rise to. Raises RefusedError."""

    def end(self) -> Sequence[Event]:
        """The events still due when the upstream closes."""


def read_each(frames: list[bytes], read: Callable[[bytes, list[Event]], None]) -> list[Event]:
    """The events of frames that `read` takes one by one, appending what it finds.

    Raises RefusedError, with the events before it.
    """
    events: list[Event] = []
    for data in frames:
        try:
            read(data, events)
        except RefusedError as refused:
            raise RefusedError(refused.data, events) from None
    return events


class Writer(Protocol):
    """Events to bytes of one client dialect."""

    def write(self, event: Event, usage: Usage, out: list[bytes]) -> None:
        """Append what the client is to see of `event`; `usage` is all the upstream told so far."""


class Translation(Transcoder):
    """A reader and a writer of different dialects, driven frame by frame."""

    def __init__(self, context: ReplyContext, reader: Reader, writer: Writer) -> None:
        super().__init__(context)
        self._reader = reader
        self._writer = writer
        self._fresh: dict[int, str] = {}

    def _run(self, run: bytes) -> bytes:
        refused = None
        try:
            events = self._reader.read(payloads(run))
        except RefusedError as error:
            refused, events = error, error.events
        out: list[bytes] = []
        write = self._writer.write
        for event in events:
            if type(event) is not BlockDelta or self.phase is not Phase.STREAMING:
                if self.phase is Phase.ENDED:
                    break
                self._follow(event)
                if self.phase is Phase.FAILED:
                    return b"".join(out)
            if self._fresh and type(event) is BlockDelta:
                self._mend_first_piece(event)
            write(event, self.usage, out)
        if refused and self.phase is not Phase.ENDED:
            self.fail_with(refused.data)
        return b"".join(out)

    def _end(self) -> bytes:
        out: list[bytes] = []
        for event in self._reader.end():
            self._follow(event)
            if self.phase is Phase.FAILED:
                break
            self._writer.write(event, self.usage, out)
        return b"".join(out)

    def _follow(self, event: Event) -> None:
        """Learn phase, usage and stop reason from the events that carry them."""
        match event:
            case MessageStart(message=head):
                self.usage = self.usage.updated(Usage.from_messages(head.usage))
            case MessageDelta(delta=stop, usage=usage):
                self.usage = self.usage.updated(Usage.from_messages(usage))
                self.stopped(stop.stop_reason)
            case MessageStop():
                self.phase = Phase.ENDED
            case BlockStart(index=index, content_block=Block(type="tool_use", name=str(name))):
                self.progress()
                if name in self.context.schemas:
                    self._fresh[index] = name
            case _:
                self.progress()

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


class Merged:
    """A `Writer` that joins what one block says before `writer` renders it.

    For a reply that is gathered before the client sees it: a few frames then, not hundreds.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pieces: list[BlockDelta] = []

    def write(self, event: Event, usage: Usage, out: list[bytes]) -> None:
        """See `Writer`."""
        first = self._pieces[0] if self._pieces else None
        if type(event) is BlockDelta:
            if first and (first.index != event.index or type(first.delta) is not type(event.delta)):
                self._flush(usage, out)
            self._pieces.append(event)
            return
        if first:
            self._flush(usage, out)
        self._writer.write(event, usage, out)

    def _flush(self, usage: Usage, out: list[bytes]) -> None:
        first = self._pieces[0]
        [field] = first.delta.__struct_fields__
        literals = [bytes(getattr(piece.delta, field)) for piece in self._pieces]
        self._pieces.clear()
        said = b"".join(literal[1:-1] for literal in literals if literal.startswith(b'"'))
        merged = BlockDelta(first.index, type(first.delta)(Raw(b'"%s"' % said)))
        self._writer.write(merged, usage, out)
