"""How many replies a key may have open at once: learnt from z.ai's refusals, one gate a key.

z.ai allows few streams per key and refuses the rest at once (zai.md 2.4); a retry resends the whole
prompt. So the first refusal for concurrency (1302, 1303) makes a limit of what was open, each
further one lowers it, and quiet success raises it again, slowly. Who has to wait does so in order,
in a queue of bounded length. Nothing here knows the network or the clock: time is passed in.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final

from proxy.errors import GatewayError, Problem

QUEUE_LIMIT: Final = 64
_KEYS: Final = 1_024
_CALM_SECONDS: Final = 60.0
"""A limit rises by one after so long without refusal, if it was needed."""

_FORGET_ABOVE: Final = 32
"""A limit that has grown this high limits nobody: the gate is open again."""

_FULL: Final = Problem(
    "rate_limit_error",
    f"More than {QUEUE_LIMIT} requests wait for this key already.",
    code="gateway_queue_full",
    retry_after=5,
    retryable=False,
)


class Gate:
    """The open replies of one key; `limit` None lets everybody through."""

    def __init__(self, limit: int | None = None, *, adaptive: bool = True) -> None:
        self.limit = limit
        self.active = 0
        self._adaptive = adaptive
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._changed_at = 0.0

    @property
    def waiting(self) -> int:
        """How many stand in the queue."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nobody would miss this gate."""
        return self.limit is None and not self.active and not self._waiting

    async def enter(self) -> None:
        """Wait for a place, in order. Raises GatewayError when the queue is full."""
        if self._has_place() and not self._waiting:
            self.active += 1
            return
        if len(self._waiting) >= QUEUE_LIMIT:
            raise GatewayError(_FULL)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        """Give the place to the next in the queue."""
        self.active -= 1
        self._admit()

    __aenter__ = enter

    async def __aexit__(self, *_raised: object) -> None:
        self.leave()

    def refused(self, now: float) -> None:
        """z.ai refused one of the active replies for concurrency: there is room for one less."""
        if self._adaptive:
            self.limit = max(1, min(self.limit or self.active, self.active) - 1)
            self._changed_at = now

    def succeeded(self, now: float) -> None:
        """A reply came through: after a calm while there may be room for one more."""
        if not self._adaptive or self.limit is None or now - self._changed_at < _CALM_SECONDS:
            return
        if self.active >= self.limit or self._waiting:
            self.limit = self.limit + 1 if self.limit < _FORGET_ABOVE else None
            self._changed_at = now
            self._admit()

    def _has_place(self) -> bool:
        return self.limit is None or self.active < self.limit

    def _admit(self) -> None:
        while self._waiting and self._has_place():
            turn = self._waiting.popleft()
            if not turn.done():
                self.active += 1
                turn.set_result(None)


class Gates:
    """A gate for each key. `concurrency`: "auto" learns, a number fixes, 0 lets everybody in."""

    def __init__(self, concurrency: str = "auto") -> None:
        self._adaptive = concurrency == "auto"
        self._fixed = None if self._adaptive else int(concurrency) or None
        self._gates: OrderedDict[str, Gate] = OrderedDict()

    def __len__(self) -> int:
        return len(self._gates)

    def __iter__(self) -> Iterator[Gate]:
        return iter(tuple(self._gates.values()))

    def of(self, key: str) -> Gate:
        """The gate of a key (a digest will do)."""
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = Gate(self._fixed, adaptive=self._adaptive)
        self._gates.move_to_end(key)
        if len(self._gates) > _KEYS:
            self._forget()
        return gate

    def _forget(self) -> None:
        """Drop the gates that were not used for longest, if nobody stands in them."""
        for key, gate in list(self._gates.items())[:-_KEYS]:
            if not gate.active and not gate.waiting:
                del self._gates[key]
