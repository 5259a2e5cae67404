"""CPU per event and per request, and lag: the two large tables of the page."""

import statistics
from collections.abc import Sequence
from typing import Final

from bench.lanes import LANES, Lane
from bench.measuring import per_event, per_request, quantile, quiet
from bench.page import figure, ratio, table
from bench.rig import Rig, Rounds, Size
from bench.targets import TargetName

_REFERENCES: Final = {
    "cm": "mm",
    "mc": "cc",
    "json-cm": "json-mm",
    "big-cm": "big-mm",
    "paced-cm": "paced-mm",
}
"""Transcoding lanes -> the relay of the same upstream bytes, which other targets can do."""


def _median(rounds: Rounds, lane: Lane, target: TargetName) -> float | None:
    """Of the lane, or the one that stands in: microseconds an event, milliseconds a request."""
    taken = rounds.get((lane.name, target)) or rounds.get((_REFERENCES.get(lane.name, ""), target))
    if not taken:
        return None
    return per_event(taken) if lane.streams else per_request(taken)


BURSTS: Final = tuple(lane for lane in LANES if lane.kind in ("burst", "whole"))


def costs(rig: Rig, size: Size, lanes: Sequence[Lane] = BURSTS) -> str:
    """Burst and whole lanes."""
    rounds = rig.interleaved(lanes, size)
    rows = []
    for lane in lanes:
        direct, nginx, bare, gateway = (
            _median(rounds, lane, target) for target in ("direct", "nginx", "bare", "gateway")
        )
        unit = "µs/event" if lane.streams else "ms/request"
        assert gateway is not None
        rows.append(
            [
                lane.what,
                unit,
                figure(direct),
                figure(nginx),
                figure(bare),
                figure(gateway),
                ratio(gateway, direct),
                ratio(gateway, nginx),
                ratio(gateway, bare),
                _spread(rounds, lane),
            ]
        )
    heads = ["lane", "unit", "direct", "nginx", "bare aiohttp", "gateway"]
    heads += ["× direct", "× nginx", "× bare", "spread"]
    return table(heads, rows) + "\n\n" + _neighbours(rounds)


def _spread(rounds: Rounds, lane: Lane) -> str:
    """How far the gateway's rounds are apart, of their median."""
    values = [taken.per_event for taken in quiet(rounds[lane.name, "gateway"])]
    median = statistics.median(values)  # 0 in a round shorter than a tick of the clock
    return f"{(max(values) - min(values)) / median:.0%}" if median else "–"


def _neighbours(rounds: Rounds) -> str:
    foreign = [taken.foreign for each in rounds.values() for taken in each]
    return (
        "Processors that others kept busy meanwhile: "
        f"{statistics.median(foreign):.2f} in the median round, {max(foreign):.2f} in the worst."
    )


def paced(rig: Rig, size: Size) -> str:
    """Streams with pauses: CPU, and how late events are."""
    lanes = [
        lane.counting_to(max(10, round(lane.deltas * size.share)))
        for lane in LANES
        if lane.kind == "paced"
    ]
    rounds = rig.interleaved(lanes, size)
    rows = []
    for lane in lanes:
        for target in rig.targets:
            taken = rounds.get((lane.name, target.name))
            if not taken:
                continue
            late = [_lag(rounds, lane.name, target.name, share) for share in (0.5, 0.99)]
            base = [_lag(rounds, "paced-mm", "direct", share) for share in (0.5, 0.99)]
            added = [max(0.0, ours - bare) for ours, bare in zip(late, base, strict=True)]
            rows.append(
                [
                    lane.what,
                    target.name,
                    figure(per_event(taken)),
                    ratio(per_event(taken), _median(rounds, lane, "nginx")),
                    " / ".join(figure(value) for value in late),
                    " / ".join(figure(value) for value in added),
                    figure(statistics.median(each.events_a_read for each in taken)),
                ]
            )
    heads = ["lane", "target", "µs/event", "× nginx", "lag p50 / p99, µs"]
    heads += ["added to direct, µs", "events a read"]
    return table(heads, rows) + "\n\n" + _neighbours(rounds)


def _lag(rounds: Rounds, lane: str, target: TargetName, share: float) -> float:
    """Microseconds from sending to arrival that `share` of the events do not exceed."""
    taken = quiet(rounds[lane, target])
    return statistics.median(quantile(each.lags, share) for each in taken) * 1e6
