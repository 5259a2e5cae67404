"""Whether cost grows with events only: longer replies, and idle streams beside the busy ones."""

import contextlib
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from bench.lanes import LANES, Lane
from bench.page import figure
from bench.plot import Line, chart
from bench.processes import Child
from bench.rig import Rig, Size, say

_LENGTHS: Final = (10, 500, 1_000, 2_000, 3_500, 5_000)
_IDLE: Final = (0, 250, 500, 1_000)
_EVENTS: Final = 400_000
"""Events of a point: enough for CPU time to be told in ticks of 10 ms."""

_LANES: Final = tuple(lane for lane in LANES if lane.name in ("mm", "cm"))
_HOLDING: Final = replace(_LANES[1], kind="open", prompt="count to 1 and stall", ramp=0.5)

Points = list[tuple[float, float]]


def linearity(rig: Rig, size: Size) -> tuple[str, dict[str, str]]:
    """A sentence on each, and the two plots by name."""
    for lane in _LANES:
        rig.prepared(lane, rig.gateway, size)  # warm
    longer = {lane.what: _by_length(rig, size, lane) for lane in _LANES}
    beside = {lane.what: _by_idle(rig, size, lane) for lane in _LANES}
    plots = {
        "cost-by-length": chart(
            "Longer replies cost in proportion",
            "events in a reply",
            "CPU per request, ms",
            [Line(name, points) for name, points in longer.items()],
        ),
        "cost-by-idle": chart(
            "Idle streams cost the busy ones nothing",
            "idle streams beside 32 busy ones",
            "CPU per event, µs",
            [Line(name, points) for name, points in beside.items()],
        ),
    }
    said = [_line_told(name, points) for name, points in longer.items()]
    for name, points in beside.items():
        (_, alone), (most, beside_them) = points[0], points[-1]
        said.append(
            f"- {name}: {figure(alone)} µs an event with no idle stream, "
            f"{figure(beside_them)} µs beside {most:,.0f}."
        )
    return "\n".join(said), plots


def _by_length(rig: Rig, size: Size, lane: Lane) -> Points:
    points: Points = []
    for length in _some(_LENGTHS, size):
        longer = lane.counting_to(length)
        requests = max(8, round(min(_EVENTS / length, 1_000) * size.share))
        costs = [
            rig.measure(longer, rig.gateway, requests).per_request for _ in range(_rounds(size))
        ]
        points.append((float(longer.events), statistics.median(costs)))
        say(f"{lane.name}, {length} deltas: {points[-1][1]:.3f} ms/request")
    return points


def _by_idle(rig: Rig, size: Size, lane: Lane) -> Points:
    points: Points = []
    for most in _some(_IDLE, size):
        idle = round(most * size.share)
        requests = max(32, round(_EVENTS / lane.events * size.share))
        with _held(rig, idle):
            costs = [
                rig.measure(lane, rig.gateway, requests).per_event for _ in range(_rounds(size))
            ]
        points.append((float(idle), statistics.median(costs)))
        say(f"{lane.name}, {idle} idle streams: {points[-1][1]:.3f} us/event")
    return points


def _some(points: Sequence[int], size: Size) -> Sequence[int]:
    """All of them, or first and last."""
    return points if size.share == 1 else (points[0], points[-1])


def _rounds(size: Size) -> int:
    return min(2, size.rounds)


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


def _line_told(name: str, points: Sequence[tuple[float, float]]) -> str:
    """The straight line through the points, and how close they are to it."""
    across, up = zip(*points, strict=True)
    slope, start = statistics.linear_regression(across, up)
    fit = statistics.correlation(across, up) ** 2
    return (
        f"- {name}: {figure(start)} ms a request and {figure(slope * 1e3)} µs an event "
        f"(straight line, R² = {fit:.4f})."
    )
