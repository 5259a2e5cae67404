"""What the relays of all dialects share: pass a run on, and look only at the frames that are ours.

A reply is mostly deltas that go through untouched. Once it has begun, a frame is looked at only if
it contains one of a few byte strings, found by searching a whole run at once; where one of them
stands in a text, it costs a look and changes nothing. Frames that come alone, or have to be looked
at, go by a stencil where they are alike.
"""

import re
from abc import abstractmethod
from typing import ClassVar, Final

from proxy import sse
from proxy.dialects import stencil
from proxy.dialects.transcoder import OVER, ReplyContext, Transcoder

LITERAL: Final = rb'("(?!")[^"\\]*(?:\\.[^"\\]*)*")'
_TEXT: Final = re.compile(
    rb'"(?:text|thinking|partial_json|content|reasoning_content|reasoning|arguments)": ?' + LITERAL
)
"""The string that makes the difference between frames which are alike."""


class Relay(Transcoder):
    """A transcoder within one dialect; `owned` are the byte strings of frames to look at."""

    __slots__ = ("_find_text", "_owned")

    in_texts: ClassVar[re.Pattern[bytes]]
    """Finds those of them that may stand in a text."""

    delta: ClassVar[re.Pattern[bytes]]
    """Matches a whole frame of which nothing but its text adds to the reply: where a reply is
    gathered, many are told as one."""

    def __init__(self, context: ReplyContext, owned: tuple[bytes, ...]) -> None:
        super().__init__(context)
        self._owned = owned
        self._find_text = _TEXT.search if context.streams else self.delta.fullmatch

    @abstractmethod
    def _look(self, frame: bytes) -> bytes | None:
        """What becomes of a frame that is looked at (without its blank line); None if it passes
        like those that are not."""

    @abstractmethod
    def _looks_at_all(self) -> bool:
        """Whether every frame is to be looked at, as before the first real event."""

    def _pass(self, frames: bytes) -> bytes:
        """What becomes of frames that are not looked at."""
        return frames

    def _run(self, run: bytes) -> bytes:
        out: list[bytes] = []
        while run and self.phase not in OVER and self._looks_at_all():
            frame, _, run = run.partition(sse.END)
            told = self._look(frame)
            out.append(self._pass(frame) + sse.END if told is None else told)
        if self.phase in OVER:
            return b"".join(out)
        if self.context.streams and run.find(sse.END) + len(sse.END) < len(run):
            begin = self._first_of_ours(run)
            out.append(self._pass(run[:begin]))
            run = run[begin:]
        if run:
            out.append(super()._run(run))
        return b"".join(out)

    def _first_of_ours(self, run: bytes) -> int:
        """Where the first frame to be looked at begins; the run's end if there is none."""
        place = len(run)
        for string in self._owned:
            found = run.find(string)
            if 0 <= found < place:
                place = found
        if place == len(run):
            return place
        before = run.rfind(sse.END, 0, place)
        return 0 if before < 0 else before + len(sse.END)

    def _frame(self, frame: bytes) -> bytes:
        is_ours = self._looks_at_all() or self._first_of_ours(frame) < len(frame)
        told = self._look(frame) if is_ours else None
        return self._pass_alike(frame) if told is None else told

    def _pass_alike(self, frame: bytes) -> bytes:
        """What becomes of a frame that changes nothing here, and of those like it."""
        told = self._pass(frame) + sse.END
        is_short = len(frame) <= stencil.LONGEST
        text = self._find_text(frame) if is_short and not self._looks_at_all() else None
        if text:
            merges = not self.context.streams
            self._stencil = stencil.learn(text[1], frame, told, merges=merges, unless=self.in_texts)
        return told
