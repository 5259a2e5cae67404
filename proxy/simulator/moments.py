"""What tests and simulator wait for in each other, so that no test needs to sleep.

The simulator may live in the test's event loop or in another thread's (`proxy.testing`). Whatever
is here may therefore be told from any thread and awaited in any loop.
"""

import asyncio
import threading


class Moment:
    """Something that happens once; `asyncio.Event` without being bound to one loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.has_come = False
        self._waiting: set[asyncio.Future[None]] = set()

    def come(self) -> None:
        """It happens now; once more makes no difference."""
        with self._lock:
            self.has_come = True
            for future in self._waiting:
                future.get_loop().call_soon_threadsafe(_wake, future)
            self._waiting.clear()

    async def wait(self) -> None:
        """Return once it has happened."""
        with self._lock:
            if self.has_come:
                return
            future = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
        try:
            await future
        finally:
            with self._lock:
                self._waiting.discard(future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Gate:
    """A step that holds the reply until the test opens it; one gate serves one reply."""

    def __init__(self) -> None:
        self._reached = Moment()
        self._opened = Moment()

    @property
    def is_reached(self) -> bool:
        """Whether `reached()` would return at once."""
        return self._reached.has_come

    async def reached(self) -> None:
        """Return once all steps before this gate have been written to the transport."""
        await self._reached.wait()

    def open(self) -> None:
        """Let the reply go on, now or when it gets here."""
        self._opened.come()

    async def pass_through(self) -> None:
        """The simulator's side: say that we are here, wait until we may go on."""
        self._reached.come()
        await self._opened.wait()


class Tally:
    """A counter that can be awaited; one thread counts."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = Moment()

    def add(self) -> None:
        """Count one more and wake whoever waits."""
        self.count += 1
        changed, self._changed = self._changed, Moment()
        changed.come()

    async def reach(self, count: int) -> None:
        """Return once at least `count` have been counted."""
        while True:
            changed = self._changed  # before the look at the count: an addition between is seen
            if self.count >= count:
                return
            await changed.wait()
