"""The upstream and the targets, all up at once, and how rounds are taken on them."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.check import check
from bench.lanes import Lane
from bench.measuring import Measurement, measure
from bench.processes import Child, pinned
from bench.targets import (
    Target,
    TargetName,
    nginx_program,
    start_bare,
    start_gateway,
    start_nginx,
    start_upstream,
)

_WARM_UP: Final = 64

Rounds = dict[tuple[str, TargetName], list[Measurement]]
"""By lane and target."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: the full run, or one that only shows that everything works.

    A burst lane takes about so many `seconds` a round; of streams, deltas and points on a line
    there is a `share`.
    """

    rounds: int
    seconds: float
    share: float
    starts: int
    fresh_clients: int
    micro_seconds: float


FULL: Final = Size(3, 1.0, 1.0, 5, 50, 0.3)
QUICK: Final = Size(1, 0.3, 0.1, 1, 5, 0.02)


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything that runs, and the directory of its logs."""

    folder: Path
    upstream: Child
    upstream_port: int
    targets: tuple[Target, ...]

    @property
    def origin(self) -> str:
        """Where the upstream is."""
        return f"http://127.0.0.1:{self.upstream_port}"

    @property
    def gateway(self) -> Target:
        """The gateway among the targets."""
        return next(target for target in self.targets if target.name == "gateway")

    @property
    def has_nginx(self) -> bool:
        """Whether the yardstick is there."""
        return any(target.name == "nginx" for target in self.targets)

    def measure(self, lane: Lane, target: Target, requests: int) -> Measurement:
        """One round of a lane."""
        return measure(lane, target, self.upstream, self.folder, requests)

    def interleaved(self, lanes: Sequence[Lane], size: Size) -> Rounds:
        """Each lane through each target that takes it: A B C, A B C, after a check of each."""
        rounds: Rounds = {}
        for lane in lanes:
            takers = {
                target: self.prepared(lane, target, size)
                for target in self.targets
                if target.takes(lane)
            }
            for number in range(size.rounds):
                for target, requests in takers.items():
                    taken = self.measure(lane, target, requests)
                    rounds.setdefault((lane.name, target.name), []).append(taken)
                    say(f"{lane.name} {number + 1}, {target.name}: {taken.per_event:.2f} us/event")
        return rounds

    def prepared(self, lane: Lane, target: Target, size: Size) -> int:
        """Check and warm up the target; how many requests a round shall have."""
        if lane.kind == "paced":
            check(target, lane.counting_to(3))
            return round(lane.requests * size.share)
        check(target, lane)
        warm_up = self.measure(lane, target, min(lane.requests, _WARM_UP))
        rate = warm_up.requests / warm_up.seconds
        return max(lane.connections, min(lane.requests, round(rate * size.seconds)))


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(text + "\n")


@contextmanager
def running() -> Iterator[Rig]:
    """A rig, until it is no longer needed."""
    with contextlib.ExitStack() as cleanup:
        cleanup.enter_context(pinned(measured=False))
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        upstream, port = start_upstream(folder)
        cleanup.callback(upstream.stop)
        targets = [Target("direct", port, upstream)]
        if program := nginx_program():
            targets.append(start_nginx(program, folder, port)[0])
            cleanup.callback(targets[-1].child.stop)
        targets.append(start_bare(folder, port))
        cleanup.callback(targets[-1].child.stop)
        targets.append(start_gateway(folder, f"http://127.0.0.1:{port}")[0])
        cleanup.callback(targets[-1].child.stop)
        yield Rig(folder, upstream, port, tuple(targets))
