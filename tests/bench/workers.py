"""Several processes on one port: what an event costs in two of them, beside one."""

import statistics
import sys
from typing import Final

from bench.lanes import LANES
from bench.page import figure, ratio, table
from bench.rig import Rig, Size, say
from bench.targets import start_gateway

_GUNICORN: Final = (
    *(sys.executable, "-m", "gunicorn"),
    *("--config", "python:proxy.gunicorn", "--workers"),
)
_WORKERS: Final = (1, 2)
_LANES: Final = tuple(lane for lane in LANES if lane.kind == "burst" and lane.client == "messages")


def workers(rig: Rig, size: Size) -> str:
    """The burst lanes of Messages clients, under gunicorn with one worker and with two."""
    rows = []
    targets = {
        count: start_gateway(rig.folder, rig.origin, program=[*_GUNICORN, str(count)])[0]
        for count in _WORKERS
    }
    try:
        for lane in _LANES:
            requests = min(rig.prepared(lane, target, size) for target in targets.values())
            costs: dict[int, list[float]] = {count: [] for count in _WORKERS}
            for _ in range(size.rounds):
                for count, target in targets.items():
                    costs[count].append(rig.measure(lane, target, requests).per_event)
            one, two = (statistics.median(costs[count]) for count in _WORKERS)
            say(f"{lane.name}: {one:.2f} us/event in one worker, {two:.2f} in two")
            rows.append([lane.what, figure(one), figure(two), ratio(two, one)])
    finally:
        for target in targets.values():
            target.child.stop()
    return table(["lane", "one worker, µs/event", "two workers, µs/event", "two / one"], rows)
