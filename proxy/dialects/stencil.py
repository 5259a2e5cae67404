"""What becomes of frames that are alike: most frames of a reply differ in one JSON string only.

A stencil is learned from a frame that went the long way: what stands before and behind its string,
in the frame and in what the client was told. Another string in the same place of the same bytes
changes nothing but that string, so as long as such frames come, strings are cut out of the one and
put into the other, and nothing is decoded. The place is certain because the string occurs there
only; a string is taken only if it is not empty and any JSON decoder would take it. What is not
alike, or in doubt, goes the long way.
"""

import re
from functools import cache
from itertools import takewhile
from operator import itemgetter
from typing import Final

from proxy.sse import END

_PLAIN: Final = rb'[^"\\\x00-\x1f]*'
_PAIR: Final = rb"[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE: Final = (
    rb'\\(?:["\\/bfnrt]|u(?:[0-9abcefABCEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|%s))' % _PAIR
)
_STRING: Final = rb"%s(?:%s%s)*" % (_PLAIN, _ESCAPE, _PLAIN)
"""What JSON allows between quotes (RFC 8259, section 7), without halves of surrogate pairs."""

_LINES: Final = rb'[^"\\\x00-\x0c\x0e-\x1f]*'
"""Plain parts of strings, with a carriage return between two."""

# No possessive quantifiers: Python before 3.11.5 takes what they should refuse (gh-106052).
_ODD: Final = re.compile(rb'["\\\x00-\x1f]')
_is_string = re.compile(_STRING).fullmatch
_strings = re.compile(rb"%s(?:%s%s)*" % (_LINES, _ESCAPE, _LINES)).match

LONGEST: Final = 64 * 1024
"""Bytes that `_STRING` goes over at once: an expression takes memory for each escape it passes."""

_AT_ONCE: Final = 128
"""Frames that are cut before any is checked: what is cut in vain has a bound."""


class Stencil:
    """Frames `before "string" behind`, and what the client is told of them.

    Where replies are gathered it `merges` a stretch of frames into one. The strings are also added
    to `keeps`; one in which `unless` is found goes the long way.
    """

    __slots__ = (
        *("_before", "_behind", "_between", "_end", "_find_doubt", "_gap"),
        *("_is_untouched", "_keeps", "_string", "_told", "_unless"),
    )

    def __init__(
        self,
        frame: tuple[bytes, bytes],
        told: tuple[bytes, bytes],
        *,
        merges: bool = False,
        keeps: list[bytes] | None = None,
        unless: re.Pattern[bytes] | None = None,
    ) -> None:
        self._before, self._behind = frame
        self._end = self._behind + END
        self._between = self._end + self._before
        self._string = itemgetter(slice(len(self._before), -len(self._behind)))
        self._told = told
        self._is_untouched = told == (self._before, self._end)
        self._gap = b"" if merges else told[1] + told[0]
        self._keeps = keeps
        self._unless = unless
        self._find_doubt = _doubt(unless).search

    def one(self, run: bytes) -> bytes | None:
        """What the client is told of a run that is one frame of this kind; None if it is not."""
        if not (run.startswith(self._before) and run.endswith(self._end)):
            return None
        string = run[len(self._before) : -len(self._end)]
        if not string or (self._find_doubt(string) and not self._takes(string)):
            return None
        if not string.isascii() and _utf8_end(string) < len(string):
            return None
        if self._keeps is not None:
            self._keeps.append(string)
        if self._is_untouched:
            return run
        before, behind = self._told
        return before + string + behind

    def stretch(self, frames: list[bytes], start: int) -> tuple[bytes, int]:
        """What the client is told of the frames of this kind from `start` on, and their number."""
        if not self._fits(frames[start]):
            return b"", 0
        alike = frames[start : start + _AT_ONCE]
        while not self._fits(alike[-1]):
            alike.pop()
        strings = list(map(self._string, alike))
        # If this is what came, all of them fit, which is faster to see than of one after the other.
        if self._before + self._between.join(strings) + self._behind != END.join(alike):
            alike = list(takewhile(self._fits, alike))
            strings = list(map(self._string, alike))
        del strings[self._good(strings) :]
        if not strings:
            return b"", 0
        if self._keeps is not None:
            self._keeps += strings
        before, behind = self._told
        return before + self._gap.join(strings) + behind, len(strings)

    def _fits(self, frame: bytes) -> bool:
        """Whether a frame is of this kind, but for what its string is."""
        return frame.startswith(self._before) and frame.endswith(self._behind)

    def _takes(self, string: bytes) -> bool:
        """Whether a string is to be taken in which there is something to look at."""
        if len(string) > LONGEST or not _is_string(string):
            return False
        return self._unless is None or not self._unless.search(string)

    def _good(self, strings: list[bytes]) -> int:
        """How many of them come before the first that is not to be taken."""
        lines = b"\r".join([*strings, b""])
        if len(lines) > LONGEST:
            return 0
        sound = _strings(lines)
        end = sound.end() if sound else 0
        if not lines.isascii():
            end = min(end, _utf8_end(lines))
        if self._unless is not None and (found := self._unless.search(lines)):
            end = min(end, found.start())
        good = lines.count(b"\r", 0, end)
        return good if all(strings) else min(good, strings.index(b""))


@cache
def _doubt(unless: re.Pattern[bytes] | None) -> re.Pattern[bytes]:
    """What is looked for in a string first, in one search: most have none of it."""
    return re.compile(b"%b|%b" % (_ODD.pattern, unless.pattern)) if unless else _ODD


def _utf8_end(text: bytes) -> int:
    """Where it stops to be UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(text)


def learn(
    literal: bytes,
    frame: bytes,
    told: bytes,
    *,
    merges: bool = False,
    keeps: list[bytes] | None = None,
    unless: re.Pattern[bytes] | None = None,
) -> Stencil | None:
    """The stencil of `frame` (without its blank line), of which the client was `told`.

    `literal` is the JSON string that both contain. None if its place is in doubt; it is where half
    a surrogate pair stands, because literals are written anew then.
    """
    if frame.find(b"\\ud") >= 0 or frame.find(b"\\uD") >= 0:
        return None
    halves, told_halves = _around(literal, frame), _around(literal, told)
    if halves is None or told_halves is None:
        return None
    return Stencil(halves, told_halves, merges=merges, keeps=keeps, unless=unless)


def _around(literal: bytes, frame: bytes) -> tuple[bytes, bytes] | None:
    """`frame` up to the opening quote of a string and from the closing one, if it occurs once."""
    place = frame.find(literal)
    if not literal.startswith(b'"') or place < 0 or place != frame.rfind(literal):
        return None
    return frame[: place + 1], frame[place + len(literal) - 1 :]
