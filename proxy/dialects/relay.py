"""What the relays of all dialects share: pass a run on, and look only at the frames that are ours.

A reply is mostly deltas that go through untouched. Once it has begun, a frame is looked at only if
it contains one of a few byte strings, found by searching the whole run at once; where one of them
stands in a text, it costs a look and changes nothing.
"""

from abc import abstractmethod
from collections.abc import Iterator

from proxy import sse
from proxy.dialects.transcoder import OVER, ReplyContext, Transcoder


class Relay(Transcoder):
    """A transcoder within one dialect; `owned` are the byte strings of frames to look at."""

    def __init__(self, context: ReplyContext, owned: tuple[bytes, ...]) -> None:
        super().__init__(context)
        self._owned = owned

    @abstractmethod
    def _frame(self, frame: bytes) -> bytes:
        """What becomes of a frame that was looked at (without its blank line)."""

    @abstractmethod
    def _looks_at_all(self) -> bool:
        """Whether every frame is to be looked at, as before the first real event."""

    def _pass(self, frames: bytes) -> bytes:
        """What becomes of frames that are not looked at."""
        return frames

    def _run(self, run: bytes) -> bytes:
        if self._looks_at_all() or self._is_ours(run):
            return self._look(run)
        return self._pass(run)

    def _is_ours(self, run: bytes) -> bool:
        """Whether any frame of a run is to be looked at; of most runs none is."""
        for string in self._owned:  # noqa: SIM110 - any() costs twice as much, at every read
            if string in run:
                return True
        return False

    def _look(self, run: bytes) -> bytes:
        out: list[bytes] = []
        start = 0
        owned: Iterator[int] | None = None
        while start < len(run) and self.phase not in OVER:
            begin = start
            if not self._looks_at_all():
                owned = owned or _beginnings(run, start, self._owned)
                begin = next(begin for begin in owned if begin >= start)
                if begin > start:
                    out.append(self._pass(run[start:begin]))
                if begin == len(run):
                    break
            end = run.find(sse.END, begin)
            out.append(self._frame(run[begin:end]))
            start = end + len(sse.END)
        return b"".join(out)


def _beginnings(run: bytes, start: int, owned: tuple[bytes, ...]) -> Iterator[int]:
    """Where each frame from `start` on begins that contains one of `owned`; last the run's end.

    Each byte string is searched for once over the run, however many frames contain it.
    """
    end = len(run)
    places = {string: _find(run, string, start) for string in owned}
    while True:
        place = min(places.values())
        if place == end:
            yield end
            return
        before = run.rfind(sse.END, start, place)
        begin = start if before < 0 else before + len(sse.END)
        yield begin
        start = run.find(sse.END, place) + len(sse.END)
        for string, at in places.items():
            if at < start:
                places[string] = _find(run, string, start)


def _find(run: bytes, string: bytes, start: int) -> int:
    place = run.find(string, start)
    return len(run) if place < 0 else place
