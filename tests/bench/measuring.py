"""One measurement: a lane through a target, and what it cost.

CPU time is read before and after, memory while it runs. What strangers used of the machine
meanwhile, or its host took from it, is told too: a measurement beside busy neighbours says little.
"""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.lanes import Lane
from bench.load import Tally
from bench.processes import Child, machine_cpu
from bench.targets import Target

QUIET = 0.3
"""Processors that strangers may keep busy before a round is passed over, if there are others."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """`cpu` seconds of the target for `requests` with `events` in all, which took `seconds`.

    `memory` is its highest in MB, `foreign` the processors that strangers kept busy, `lags` the
    seconds between an event's sending and its arrival.
    """

    cpu: float
    requests: int
    events: int
    seconds: float
    memory: float
    foreign: float
    lags: tuple[float, ...]
    events_a_read: float

    @property
    def per_event(self) -> float:
        """Microseconds of CPU time for each event of the upstream."""
        return self.cpu / self.events * 1e6

    @property
    def per_request(self) -> float:
        """Milliseconds of CPU time for each request."""
        return self.cpu / self.requests * 1e3


class LostRequestsError(Exception):
    """Not every request got its reply."""


def measure(
    lane: Lane, target: Target, upstream: Child, folder: Path, requests: int
) -> Measurement:
    """Send so many requests. Raises LostRequestsError unless all went well."""
    load = Child.python("bench.load", folder / "load.log")
    try:
        children = {target.child, upstream}
        before = {child: child.cpu() for child in children}
        machine, own, began = machine_cpu(), time.process_time(), time.monotonic()
        load.input.write(json.dumps(target.order(lane, requests)) + "\n")
        load.input.flush()
        memory = _peak_memory(target.child, load)
        tally = Tally(**json.loads(load.line()))
        seconds = time.monotonic() - began
        spent = {child: child.cpu() - before[child] for child in children}
        ours = sum(spent.values()) + tally.cpu + time.process_time() - own
        foreign = machine_cpu() - machine - ours
    finally:
        load.stop()
    if tally.good != requests:
        raise LostRequestsError(f"{target.name}, {lane.name}: {tally.good} good, {tally.bad[:3]}")
    return Measurement(
        cpu=spent[target.child],
        requests=requests,
        events=requests * lane.events,
        seconds=tally.seconds,
        memory=memory,
        foreign=max(0.0, foreign) / seconds,
        lags=tuple(tally.lags),
        events_a_read=requests * lane.events / max(1, tally.reads),
    )


def _peak_memory(child: Child, load: Child) -> float:
    """The most that `child` holds until `load` ends or has something to say."""
    peak = child.memory()
    while not load.spoke(0.2):
        peak = max(peak, child.memory())
    return peak


def quiet(rounds: Sequence[Measurement]) -> list[Measurement]:
    """The rounds without busy neighbours; all if there is none."""
    return [each for each in rounds if each.foreign < QUIET] or list(rounds)


def per_event(rounds: Sequence[Measurement]) -> float:
    """The median, in microseconds."""
    return statistics.median(each.per_event for each in quiet(rounds))


def per_request(rounds: Sequence[Measurement]) -> float:
    """The median, in milliseconds."""
    return statistics.median(each.per_request for each in quiet(rounds))


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
