"""Whether cost grows with events only: longer replies, and idle streams beside the busy ones."""

import contextlib
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from bench.lanes import LANES, Lane
from bench.measuring import Measurement, per_event, per_request
from bench.page import figure
from bench.plot import Line, chart
from bench.processes import Child
from bench.rig import Rig, Size, say

_LENGTHS: Final = (10, 500, 1_000, 2_500, 5_000)
_IDLE: Final = (0, 250, 500, 1_000)
_EVENTS: Final = 200_000
"""Events of a point: enough for CPU time to be told in ticks of 10 ms."""

_LANES: Final = tuple(lane for lane in LANES if lane.name in ("mm", "cm"))
_HOLDING: Final = replace(_LANES[1], kind="open", prompt="count to 1 and stall", ramp=0.5)

Taken = dict[tuple[str, int], list[Measurement]]
"""By lane and place on the axis."""


def linearity(rig: Rig, size: Size) -> tuple[str, dict[str, str]]:
    """A sentence on each line, and the two plots by name. Rounds go over all points in turn."""
    longer: Taken = {}
    beside: Taken = {}
    for lane in _LANES:
        rig.prepared(lane, rig.gateway, size)
    for _ in range(size.rounds):
        for lane, length in product(_LANES, _some(_LENGTHS, size)):
            _take(rig, size, lane.counting_to(length), length, longer)
        for most in _some(_IDLE, size):
            idle = round(most * size.share)
            with _held(rig, idle):
                for lane in _LANES:
                    _take(rig, size, lane, idle, beside)
    by_length, by_idle = _lines(longer, per_request), _lines(beside, per_event)
    plots = {
        "cost-by-length": chart(
            "CPU by the length of the reply", "deltas in a reply", "ms per request", by_length
        ),
        "cost-by-idle": chart(
            "CPU beside idle streams", "idle streams beside 32 busy ones", "µs per event", by_idle
        ),
    }
    told = [*map(_straightness, by_length), *map(_difference, by_idle)]
    return "\n".join(told), plots


def _take(rig: Rig, size: Size, lane: Lane, place: int, taken: Taken) -> None:
    requests = max(8, round(min(_EVENTS / lane.events, 1_000) * size.share))
    measured = rig.measure(lane, rig.gateway, requests)
    taken.setdefault((lane.what, place), []).append(measured)
    say(f"{lane.name}, {lane.deltas} deltas, {place}: {measured.per_request:.3f} ms/request")


def _some(points: Sequence[int], size: Size) -> Sequence[int]:
    """All of them, or first and last."""
    return points if size.share == 1 else (points[0], points[-1])


def _lines(taken: Taken, cost: Callable[[Sequence[Measurement]], float]) -> list[Line]:
    """The median of each point, a line for each lane."""
    lines = {lane.what: Line(lane.what, []) for lane in _LANES}
    for (what, place), rounds in taken.items():
        lines[what].points.append((place, cost(rounds)))
    return list(lines.values())


@contextlib.contextmanager
def _held(rig: Rig, streams: int) -> Iterator[None]:
    """So many streams through the gateway that have said something and now are silent."""
    if not streams:
        yield
        return
    load = Child.python("bench.load", rig.folder / "holding.log")
    try:
        order = rig.gateway.order(replace(_HOLDING, connections=streams), streams)
        load.input.write(json.dumps({**order, "holds": True}) + "\n")
        load.input.flush()
        load.line()
        yield
    finally:
        load.stop()


def _straightness(line: Line) -> str:
    """The straight line through the points, and how close they are to it."""
    across, up = zip(*line.points, strict=True)
    slope, start = statistics.linear_regression(across, up)
    fit = statistics.correlation(across, up) ** 2
    return (
        f"- {line.name}: {figure(start)} ms a request and {figure(slope * 1e3)} µs a delta "
        f"(straight line, R² = {fit:.4f})."
    )


def _difference(line: Line) -> str:
    (_, alone), (most, beside) = line.points[0], line.points[-1]
    return (
        f"- {line.name}: {figure(alone)} µs an event with no idle stream, "
        f"{figure(beside)} µs beside {most:,}."
    )
