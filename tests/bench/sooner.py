"""The first event of a new process, with and without the gateway, when z.ai is 50 ms away.

A tool that asks z.ai itself shakes hands first, TCP and TLS, in every process; the gateway has done
that already. TLS upstream, a forwarder that delays (`delay.py`), fresh client processes, direct and
through one gateway in turn. Of fresh gateways only the first request is counted.
"""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from certificate import OPENSSL, make_certificate

from bench.delay import ONE_WAY_SECONDS
from bench.lanes import HEADERS, LANES
from bench.measuring import quantile
from bench.page import table
from bench.processes import Child
from bench.rig import Rig, Size, say
from bench.targets import Target, start_gateway, start_upstream

_LANE: Final = next(lane for lane in LANES if lane.name == "mm")
_SETTLE_SECONDS: Final = 1.0
"""From a gateway's start to the first request: a person would need longer."""


def sooner(rig: Rig, size: Size) -> str:
    """The table, or why there is none."""
    if OPENSSL is None:
        return "Not measured: openssl, which makes the certificate, is not installed."
    certificate, key = make_certificate(rig.folder)
    with ExitStack() as cleanup:
        upstream, port = start_upstream(rig.folder, str(certificate), str(key))
        cleanup.callback(upstream.stop)
        delay = Child.python("bench.delay", rig.folder / "delay.log", str(port))
        cleanup.callback(delay.stop)
        far = Target("direct", int(delay.line()), upstream)
        times = _times(rig.folder, size, far, certificate)
    rows = [
        [
            name,
            str(len(seconds)),
            *(f"{quantile(seconds, share) * 1e3:.0f}" for share in (0.5, 0.9)),
        ]
        for name, seconds in times.items()
    ]
    distance = f"{ONE_WAY_SECONDS * 1e3:.0f} ms away"
    return table([f"z.ai {distance}", "processes", "p50, ms", "p90, ms"], rows)


def _times(folder: Path, size: Size, far: Target, certificate: Path) -> dict[str, Sequence[float]]:
    """Seconds to the first event, by the way there."""
    direct: list[float] = []
    through: list[float] = []
    first: list[float] = []
    for _ in range(size.starts):
        gateway = _gateway(folder, far, certificate)
        try:
            first.append(_ask(folder, gateway))
        finally:
            gateway.child.stop()
    gateway = _gateway(folder, far, certificate)
    try:
        _ask(folder, gateway)
        for number in range(size.fresh_clients):
            direct.append(_ask(folder, far, str(certificate)))
            through.append(_ask(folder, gateway))
            say(f"fresh client {number + 1}: {direct[-1]:.3f} s direct, {through[-1]:.3f} s")
    finally:
        gateway.child.stop()
    return {
        "direct": direct,
        "through the gateway": through,
        "through a gateway just started, first request": first,
    }


def _gateway(folder: Path, far: Target, certificate: Path) -> Target:
    origin = f"https://127.0.0.1:{far.port}"
    target, _ = start_gateway(folder, origin, {"SSL_CERT_FILE": str(certificate)})
    time.sleep(_SETTLE_SECONDS)
    return target


def _ask(folder: Path, target: Target, trusted: str = "") -> float:
    """What one fresh process measures."""
    client = Child.python("bench.fresh_client", folder / "client.log")
    try:
        order = {
            "port": target.port,
            "path": target.path(_LANE),
            "headers": HEADERS[_LANE.client],
            "body": target.body(_LANE),
            "trusted": trusted,
        }
        client.input.write(json.dumps(order) + "\n")
        client.input.flush()
        return float(client.line())
    finally:
        client.stop()
