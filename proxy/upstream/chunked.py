"""The body of a chunked HTTP message (RFC 9112, 7.1), decoded a read at a time. Sans-IO.

z.ai sends one HTTP chunk for each event, and a read brings hundreds. So a read is cut at its line
ends first; if what lies between is sizes and bodies of just those sizes, written as everybody
writes them, it is all joined at once. What is left over, cut in half or written otherwise goes
chunk by chunk.
"""

import re
from typing import Final

_END: Final = b"\r\n"
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
SIZES: Final = [b"%x" % size for size in range(1_024)]
"""How the sizes of most chunks are written: looking it up takes half the time of writing it."""

_LINE_LIMIT: Final = 8_190
"""Bytes of a size with its extensions, or of a trailer: as long as aiohttp lets a header be."""


class ChunkedError(ValueError):
    """The bytes are no chunked body."""


class ChunkedBody:
    """Feed it what arrives; `ended` tells that the body is whole, `rest` what came behind it,
    `between` that a chunk begins with what comes next."""

    __slots__ = ("_held", "_missing", "_trailers", "between", "ended", "rest")

    def __init__(self) -> None:
        self.ended = False
        self.rest = b""
        self.between = True
        self._held = b""
        self._missing = 0
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body in `data`. Raises ChunkedError."""
        pieces: list[bytes] = []
        if self._held:
            data, self._held = self._held + data, b""
        place, is_swept = 0, False
        while place < len(data) and not self.ended:
            if not (is_swept or self._missing or self._trailers):
                place, is_swept = _sweep(data, place, pieces), True
                continue
            step = self._step(data, place, pieces)
            if step == place:
                self._hold(data[place:])
                break
            place = step
        if self.ended:
            self.rest += data[place:]
        self.between = not (self._held or self._missing or self._trailers or self.ended)
        return b"".join(pieces)

    def _step(self, data: bytes, place: int, pieces: list[bytes]) -> int:
        """Take one thing at `place`; where the next begins, or `place` if it is not all there."""
        if self._trailers:
            return self._trailer(data, place)
        if self._missing:
            return self._continue(data, place, pieces)
        size = _SIZE.match(data, place)
        if size is None:
            if _END in data[place : place + _LINE_LIMIT]:
                raise ChunkedError("a chunk without a size")
            return place
        self._missing = int(size[1], 16) + len(_END)
        if self._missing == len(_END):
            self._missing, self._trailers = 0, True
        return size.end()

    def _continue(self, data: bytes, place: int, pieces: list[bytes]) -> int:
        """The chunk that has begun, and the line end behind it, as far as they are there."""
        piece = data[place : place + max(0, self._missing - len(_END))]
        pieces.append(piece)
        self._missing -= len(piece)
        place += len(piece)
        if self._missing > len(_END) or len(data) - place < len(_END):
            return place
        if data[place : place + len(_END)] != _END:
            raise ChunkedError("a chunk longer than its size")
        self._missing = 0
        return place + len(_END)

    def _trailer(self, data: bytes, place: int) -> int:
        """A line behind the last chunk; the empty one ends the body."""
        end = data.find(_END, place)
        if end < 0:
            return place
        self.ended = end == place
        return end + len(_END)

    def _hold(self, rest: bytes) -> None:
        """Keep the beginning of a line, or of a line end, for the next read."""
        if len(rest) > _LINE_LIMIT:
            raise ChunkedError("a line without an end")
        self._held = rest


def _sweep(data: bytes, place: int, pieces: list[bytes]) -> int:
    """Take all chunks from `place` on, if they look as usual; where the next begins."""
    lines = (data[place:] if place else data).split(_END)
    taken = (len(lines) - 1) // 2 * 2
    if taken and not lines[taken - 1]:
        taken -= 2  # what looks like a chunk of nothing is the end of the body
    sizes, bodies = lines[0:taken:2], lines[1:taken:2]
    if not all(bodies) or not _fit(bodies, sizes):
        return place
    pieces += bodies
    return len(data) - len(_END.join(lines[taken:]))


def _fit(bodies: list[bytes], sizes: list[bytes]) -> bool:
    """Whether each body is as long as its size says."""
    try:
        return list(map(SIZES.__getitem__, map(len, bodies))) == sizes
    except IndexError:
        return [b"%x" % len(body) for body in bodies] == sizes
