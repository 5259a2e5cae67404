"""Where the time goes: the gateway under cProfile, its functions gathered by what they are for.

The profiler makes each call of a Python function dearer and calls into C not, so shares of code in
many small functions are told too high; they say where to look, not what would be saved.
"""

import pstats
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from bench.lanes import LANES
from bench.page import table
from bench.rig import Rig, Size
from bench.targets import start_gateway

_PURPOSES: Final = {
    "proxy/middlewares/observe": "log line, metrics, live page",
    "proxy/logs": "log line, metrics, live page",
    "logging/": "log line, metrics, live page",
    "pythonjsonlogger/": "log line, metrics, live page",
    "proxy/metrics": "log line, metrics, live page",
    "proxy/tallies": "log line, metrics, live page",
    "proxy/live/": "log line, metrics, live page",
    "proxy/upstream/": "asking z.ai: pool, head, chunks",
    "aiohttp/client": "asking z.ai: pool, head, chunks",
    "aiohttp/connector": "asking z.ai: pool, head, chunks",
    "proxy/dialects/": "dialects: checking, translating, relaying",
    "proxy/sse": "dialects: checking, translating, relaying",
    "proxy/loose_json": "dialects: checking, translating, relaying",
    "proxy/refusals": "dialects: checking, translating, relaying",
    "proxy/tokens/": "counting and scaling tokens",
    "proxy/": "policy and the life of a request",
    "aiohttp/": "aiohttp's server",
    "asyncio/tasks": "tasks and futures",
    "asyncio/futures": "tasks and futures",
    "asyncio/locks": "tasks and futures",
}
"""Part of a path -> what for, the first that fits. The loop itself and the start are left out."""

_LANES: Final = {"json-cm": "small JSON, transcoded", "mm": "500 events, relayed"}
_LANES_BY_NAME: Final = {lane.name: lane for lane in LANES}
_REQUESTS: Final = 400


def profile(rig: Rig, size: Size) -> str:
    """The share of each purpose, in per cent of a request's time."""
    columns = [_shares(rig, name, round(_REQUESTS * size.share)) for name in _LANES]
    purposes = dict.fromkeys(_PURPOSES.values())
    rows = [[purpose, *(f"{column[purpose]:.0%}" for column in columns)] for purpose in purposes]
    rows.sort(key=lambda row: -int(row[1].rstrip("%")))
    return table(["what for", *_LANES.values()], rows)


def _shares(rig: Rig, name: str, requests: int) -> Counter[str]:
    file = rig.folder / f"{name}.profile"
    program = [sys.executable, "-m", "cProfile", "-o", str(file), "-m", "proxy"]
    target, _ = start_gateway(rig.folder, rig.origin, program=program)
    lane = _LANES_BY_NAME[name]
    rig.measure(lane, target, max(requests, lane.connections))
    target.child.stop(signal.SIGINT)
    return _by_purpose(file)


def _by_purpose(file: Path) -> Counter[str]:
    """Time by purpose, 1 in all; that of C functions belongs to who called them."""
    spent: Counter[str] = Counter()
    functions: dict[Any, Any] = vars(pstats.Stats(str(file)))["stats"]
    for (path, _, _), (_, _, own, _, callers) in functions.items():
        if path != "~":
            spent[_purpose(path)] += own
            continue
        for (calling, _, _), (_, _, within, _) in callers.items():
            spent[_purpose(calling)] += within
    del spent[""]
    whole = sum(spent.values())
    return Counter({purpose: share / whole for purpose, share in spent.items()})


def _purpose(path: str) -> str:
    return next((purpose for part, purpose in _PURPOSES.items() if f"/{part}" in path), "")
