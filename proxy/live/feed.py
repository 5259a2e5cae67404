"""The last requests in a bounded ring, and whoever listens to what becomes of them.

While nobody listens a request costs one entry. While somebody does, a ticker looks at
the open requests twice a second and tells what changed: nothing here is called for an event of a
stream. A listener that reads too slowly loses what it was owed and gets a new snapshot instead.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import msgspec
from aiohttp import web
from msgspec import Struct

from proxy import sse
from proxy.context import OBSERVATION, SETTINGS, Observation
from proxy.live.capture import NO_TEXTS, Texts, captured
from proxy.live.record import bytes_out, describe, phase
from proxy.live.wire import Phase, Record, Snapshot, State
from proxy.metrics import standing

RING: Final = 200
QUEUE_LIMIT: Final = 256
"""Frames that a listener may be behind."""

TICK_SECONDS: Final = 0.5
_QUIET_TICKS: Final = 20
"""So often, when nothing happens, a comment shows that the connection is alive."""

_encode: Final = msgspec.json.Encoder().encode
_COMMENT: Final = sse.comment(b"alive")


class Listener:
    """One reader: the frames that it is owed, and whether it needs a snapshot first."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._awake = asyncio.Event()
        self.needs_snapshot = True

    def __len__(self) -> int:
        return len(self._frames)

    def tell(self, frame: bytes) -> None:
        """Owe it one more; too many are replaced by one snapshot."""
        if not self.needs_snapshot:
            self._frames.append(frame)
            if len(self._frames) > QUEUE_LIMIT:
                self._frames.clear()
                self.needs_snapshot = True
        self.wake()

    def wake(self) -> None:
        """Let it look around."""
        self._awake.set()

    async def woken(self) -> None:
        """Return at the next `wake`."""
        await self._awake.wait()
        self._awake.clear()

    def take(self) -> bytes:
        """All that it is owed."""
        owed = b"".join(self._frames)
        self._frames.clear()
        return owed


class _Entry(Struct, eq=False):
    """A request of the ring, described when somebody looks.

    `request` is there as long as it is open; `ended` (Unix time), `status` and `texts` once it is
    over; `told` is what listeners last heard of it.
    """

    number: int
    seen: Observation
    request: web.Request | None = None
    ended: float = 0.0
    status: int | None = None
    texts: Texts = NO_TEXTS
    told: tuple[Phase, int] = ("receiving", 0)


class Feed:
    """An `Observer` that keeps the last requests and tells listeners of the present ones."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._numbers = count(1)
        self._open: dict[int, _Entry] = {}
        self._ring: deque[_Entry] = deque(maxlen=RING)
        self._listeners: set[Listener] = set()
        self._ticker: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    def __len__(self) -> int:
        return len(self._listeners)

    @property
    def kept(self) -> int:
        """How many finished requests are remembered."""
        return len(self._ring)

    def started(self, request: web.Request) -> None:
        """See `Observer`."""
        seen = request[OBSERVATION]
        if seen.operation is None or seen.operation.counts_only:
            return
        opened = self._open[id(request)] = _Entry(next(self._numbers), seen, request)
        if self._listeners:
            self._tell("request", self._describe(opened))

    def finished(self, request: web.Request, status: int, now: float) -> None:
        """See `Observer`. Of what generates nothing only a failed POST is worth a line."""
        entry = self._open.pop(id(request), None)
        if entry is None:
            if status < 400 or request.method != "POST":
                return
            entry = _Entry(next(self._numbers), request[OBSERVATION])
        entry.texts = captured(request)
        entry.ended = entry.seen.began + now - entry.seen.started
        entry.status, entry.request = status, None
        self._ring.append(entry)
        if self._listeners:
            self._tell("request", self._describe(entry))

    def _describe(self, entry: _Entry) -> Record:
        """The request as it is now, or as it was at its end."""
        texts = captured(entry.request) if entry.request else entry.texts
        return describe(
            entry.seen,
            entry.number,
            self._app[SETTINGS],
            clock=entry.ended or time.time(),
            status=entry.status,
            texts=texts,
        )

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener for the length of the block."""
        listener = Listener()
        self._listeners.add(listener)
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick(), name="live page")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def owed(self, listener: Listener) -> bytes:
        """What to send to `listener` now; empty if nothing."""
        if not listener.needs_snapshot:
            return listener.take()
        listener.needs_snapshot = False
        return self._snapshot()

    def close(self) -> None:
        """Let every listener end: the gateway stops."""
        self.ended.set()
        if self._ticker:
            self._ticker.cancel()

    def _snapshot(self) -> bytes:
        entries = [*self._ring, *tuple(self._open.values())[-RING:]]
        now = msgspec.structs.asdict(self._state())
        capture = self._app[SETTINGS].capture
        records = list(map(self._describe, entries))
        return _frame("snapshot", Snapshot(requests=records, capture=capture, **now))

    def _state(self) -> State:
        """Bytes of the open answers, and how full the gates are."""
        active, waiting = standing(self._app)
        sent = {
            opened.number: bytes_out(opened.seen)
            for opened in self._open.values()
            if opened.seen.first_event is not None
        }
        return State(time.time(), active, waiting, sent)

    async def _tick(self) -> None:
        """Tell what changed in open requests, and wake listeners to see whether they are read."""
        quiet = 0
        last: State | None = None
        while self._listeners:
            await asyncio.sleep(TICK_SECONDS)
            self._tell_changes()
            state = self._state()
            same = last is not None and state == msgspec.structs.replace(last, time=state.time)
            quiet = quiet + 1 if same and not self._open else 0
            last = state
            if not quiet:
                self._tell("state", state)
            elif quiet % _QUIET_TICKS == 0:
                self._broadcast(_COMMENT)
            for listener in self._listeners:
                listener.wake()

    def _tell_changes(self) -> None:
        """Of open requests: routed, first event, tried again."""
        for opened in self._open.values():
            now = phase(opened.seen, None), opened.seen.retries
            if now != opened.told:
                opened.told = now
                self._tell("request", self._describe(opened))

    def _tell(self, name: str, value: object) -> None:
        self._broadcast(_frame(name, value))

    def _broadcast(self, frame: bytes) -> None:
        for listener in self._listeners:
            listener.tell(frame)


FEED: Final = web.AppKey("feed", Feed)


def _frame(name: str, value: object) -> bytes:
    return sse.frame(_encode(value), name.encode())
