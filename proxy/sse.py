"""Server-sent events as bytes: cut a stream into frames, read a frame, write a frame.

The splitter hands on every complete frame of a read as one *run* of bytes in which line endings
are LF and each frame ends with one blank line and no more, so that a relay can pass a whole run
untouched. Only what is cut in half stays behind. Rules: https://html.spec.whatwg.org/multipage/
server-sent-events.html#parsing-an-event-stream (a BOM is dropped, LF, CRLF and CR end a line).
One liberty: a last frame without its blank line counts, because servers forget it.
"""

import re
from typing import Final

_BOM: Final = b"\xef\xbb\xbf"
END: Final = b"\n\n"
_ANY_FIELD: Final = re.compile(rb"^(?:data|event|id|retry)?:", re.MULTILINE)
_GAP: Final = END + b"\n"
"""Searched by `find`, like all here that is done for every read: `in` takes twice the time."""

_MORE_BLANK_LINES: Final = re.compile(rb"\n{3,}")

# How frames usually look, and how many line ends each then has.
_UNNAMED: Final = re.compile(rb"(?<![^\n])data: ([^\n]+)\n\n"), 2
_NAMED: Final = re.compile(rb"(?<![^\n])event: [^\n]*\ndata: ([^\n]+)\n\n"), 3


class FrameTooLargeError(ValueError):
    """One frame is longer than the limit: the stream cannot be followed in bounded memory."""


class FrameSplitter:
    """Bytes in, runs of complete frames out; at most `limit` bytes are kept back."""

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._limit = limit
        self.tail = bytearray()
        """What was cut in half; empty between two frames."""
        self._searched = 0
        self._started = False
        self._skip_newline = False

    def feed(self, chunk: bytes) -> bytes:
        """The complete frames that `chunk` brings, as one run (`b""` if none is complete).

        Raises FrameTooLargeError when an unfinished frame outgrows the limit.
        """
        if not self._started:
            chunk = self._strip_bom(chunk)
        if self._skip_newline or chunk.find(b"\r") >= 0:
            chunk = self._normalise(chunk)
        if chunk.startswith(b"\n") and not self.tail:
            chunk = chunk.lstrip(b"\n")
        run = self._join(chunk) if self.tail or not chunk.endswith(END) else chunk
        return run if run.find(_GAP) < 0 else _MORE_BLANK_LINES.sub(END, run)

    def close(self) -> bytes:
        """The last frame, if the stream ended without the blank line that should end it."""
        rest = bytes(self.tail).rstrip(b"\n")
        self.tail.clear()
        return rest + END if rest else b""

    def _join(self, chunk: bytes) -> bytes:
        """The complete frames of what is cut in half and `chunk`; the rest of it is kept."""
        tail = self.tail
        tail += chunk
        end = tail.rfind(END, max(0, self._searched - 1))
        run = b""
        if end >= 0:
            run = bytes(memoryview(tail)[: end + 2])
            del tail[: end + 2]
        self._searched = len(tail)
        if len(tail) > self._limit:
            raise FrameTooLargeError(f"a frame is longer than {self._limit} bytes")
        return run

    def _strip_bom(self, chunk: bytes) -> bytes:
        head = bytes(self.tail) + chunk
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self.tail[:] = head
            return b""
        self.tail.clear()
        self._started = True
        return head.removeprefix(_BOM)

    def _normalise(self, chunk: bytes) -> bytes:
        """CR and CRLF to LF; a CRLF may be cut between two chunks."""
        if self._skip_newline and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._skip_newline = False
        if chunk.endswith(b"\r"):
            self._skip_newline = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def frames(run: bytes) -> list[bytes]:
    """The frames of a run, without their blank lines."""
    return run.removesuffix(END).split(END)


def pieces(run: bytes, size: int) -> list[bytes]:
    """The run as runs of at most `size` bytes, or of one longer frame."""
    found: list[bytes] = []
    begin = 0
    while len(run) - begin > size:
        end = run.rfind(END, begin, begin + size)
        end = len(END) + (end if end >= 0 else run.find(END, begin))
        found.append(run[begin:end])
        begin = end
    return [*found, run[begin:]] if begin < len(run) else found


def payloads(run: bytes) -> list[bytes]:
    """The data of the frames of a run, without frames that have none.

    One search takes all frames that look as usual; if that was every line, they are all.
    """
    usual, lines = _NAMED if run.startswith(b"event: ") else _UNNAMED
    found: list[bytes] = usual.findall(run)
    if len(found) * lines == run.count(b"\n"):
        return found
    return [data for frame in frames(run) if (data := data_of(frame))]


def data_of(frame: bytes) -> bytes:
    """The data of a frame; `b""` for comments and frames without data."""
    head, _, data = frame.partition(b"data: ")
    if data.find(b"\n") < 0 and (
        not head or (head.startswith(b"event:") and head.find(b"\n") + 1 == len(head))
    ):
        return data
    return b"\n".join(_field(line) for line in frame.split(b"\n") if _is_field(line, b"data"))


def is_frame(frame: bytes) -> bool:
    """Whether any line of it is a field or a comment, or it is the beginning of one.

    Text that is no event stream has none.
    """
    begun = frame.strip()
    return (
        _ANY_FIELD.search(frame) is not None
        or b"event:".startswith(begun)
        or b"data:".startswith(begun)
    )


def event_of(frame: bytes) -> bytes:
    """The event name of a frame; `b""` when it has none."""
    names = [_field(line) for line in frame.split(b"\n") if _is_field(line, b"event")]
    return names[-1] if names else b""


def _is_field(line: bytes, name: bytes) -> bool:
    return line == name or line.startswith(name + b":")


def _field(line: bytes) -> bytes:
    return line.partition(b":")[2].removeprefix(b" ")


def frame(data: bytes, event: bytes = b"") -> bytes:
    """One frame with `data` (a single line), named `event` if given."""
    return b"event: " + event + b"\ndata: " + data + END if event else b"data: " + data + END


def comment(text: bytes) -> bytes:
    """A comment: keeps a connection alive without meaning anything."""
    return b": " + text + END
