"""`python -m bench`: measure, print, and fill in docs/performance.md and its plots.

`--only costs,micro` measures a part, `--quick` everything briefly (both print only, unless
`--write`). The full run takes less than five minutes and wants an otherwise idle machine.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

import psutil

from bench import costs, rig
from bench.linearity import linearity
from bench.memory import memory
from bench.micro_table import micro
from bench.page import fill
from bench.processes import ROOT
from bench.profile import profile
from bench.sooner import sooner
from bench.targets import nginx_program
from bench.workers import workers
from proxy import __version__

if sys.platform != "win32":
    import resource

PAGE: Final = ROOT / "docs" / "performance.md"
IMAGES: Final = ROOT / "docs" / "images"
_SOCKETS: Final = 10_240
Part = Callable[[rig.Rig, rig.Size], str]


def machine(arguments: Sequence[str]) -> str:
    """Where and with what the figures were made."""
    command = f"make bench ARGS='{' '.join(arguments)}'" if arguments else "make bench"
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "msgspec"))
    cores, gigabytes = os.cpu_count(), psutil.virtual_memory().total / 1024**3
    return (
        f"Anthropic Proxy {__version__}, {time.strftime('%Y-%m-%d')}, `{command}`: "
        f"{platform.system()} {platform.machine()}, {cores} processors, {gigabytes:.0f} GB; "
        f"Python {platform.python_version()}, {packages}; {_nginx()}."
    )


def _nginx() -> str:
    program = nginx_program()
    if program is None:
        return "nginx not installed"
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)
    return said.stderr.strip().partition(": ")[2].replace("/", " ")


def _linearity(running: rig.Rig, size: rig.Size) -> str:
    told, plots = linearity(running, size)
    for name, plot in plots.items():
        (running.folder / f"{name}.svg").write_text(plot)
    return told


PARTS: Final[dict[str, Part]] = {
    "costs": costs.costs,
    "paced": costs.paced,
    "memory": memory,
    "workers": workers,
    "linearity": _linearity,
    "sooner": sooner,
    "profile": profile,
    "micro": lambda running, size: micro(running.folder, size.micro_seconds),
}


def _allow_many_sockets() -> None:
    """A thousand streams need two thousand; macOS begins with 256. Children inherit it."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _SOCKETS), most))


def main() -> None:
    """Everything that was asked for."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--quick", action="store_true", help="briefly, to see that it works")
    parser.add_argument("--only", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="into the page, also from a part")
    asked = parser.parse_args()
    names = asked.only.split(",") if asked.only else list(PARTS)
    size = rig.QUICK if asked.quick else rig.FULL
    _allow_many_sockets()
    begun = time.monotonic()
    with rig.running() as running:
        sections = {name: PARTS[name](running, size) for name in names}
        if asked.write or not (asked.quick or asked.only):
            whole = {} if asked.only else {"machine": machine(sys.argv[1:])}
            PAGE.write_text(fill(PAGE.read_text(), {**whole, **sections}))
            for plot in running.folder.glob("*.svg"):
                IMAGES.mkdir(exist_ok=True)
                (IMAGES / plot.name).write_text(plot.read_text())
    for name, content in sections.items():
        sys.stdout.write(f"\n{name}\n\n{content}\n")
    rig.say(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
