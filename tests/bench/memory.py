"""Fresh processes: how soon they are there, what they hold when idle and with many streams."""

import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from bench.lanes import OPEN_STREAMS
from bench.page import figure, table
from bench.rig import Rig, Size, say
from bench.targets import Target, TargetName, nginx_program, start_gateway, start_nginx


def memory(rig: Rig, size: Size) -> str:
    """Fresh processes: their start, their memory when idle and with many streams open."""
    names: Sequence[TargetName] = ("nginx", "gateway") if rig.has_nginx else ("gateway",)
    streams = round(OPEN_STREAMS.connections * size.share)
    lane = OPEN_STREAMS.counting_to(max(2, round(OPEN_STREAMS.deltas * size.share)))
    lane = replace(lane, connections=streams)
    rows = []
    for name in names:
        starts = [_started(rig, name) for _ in range(size.starts)]
        target, _ = _start(rig, name)
        try:
            carried = lane if target.takes(lane) else replace(lane, client="messages")
            taken = rig.measure(carried, target, streams)
        finally:
            target.child.stop()
        say(f"{name}: {taken.memory:.0f} MB with {streams} streams")
        seconds, idle = (statistics.median(column) for column in zip(*starts, strict=True))
        completed = f"{taken.requests:,} of {streams:,}"
        rows.append([name, f"{seconds:.2f}", figure(idle), figure(taken.memory), completed])
    heads = ["target", "start to first healthy answer, s", "idle, MB"]
    return table([*heads, f"{streams:,} open streams, MB", "completed"], rows)


def _started(rig: Rig, name: TargetName) -> tuple[float, float]:
    """Seconds until a fresh process was well, and the megabytes it then had."""
    target, seconds = _start(rig, name)
    try:
        return seconds, target.child.memory()
    finally:
        target.child.stop()


def _start(rig: Rig, name: TargetName) -> tuple[Target, float]:
    program = nginx_program()
    if name == "nginx" and program:
        folder = rig.folder / "fresh"
        with suppress(FileExistsError):
            folder.mkdir()
        return start_nginx(program, folder, rig.upstream_port)
    return start_gateway(rig.folder, rig.origin)
