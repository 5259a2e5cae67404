"""The micro benchmarks of `micro.py`, run by pytest-benchmark in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path

from bench.page import figure, table
from bench.processes import ROOT, environment


def micro(folder: Path, seconds: float) -> str:
    """A table of all of them, each repeated for so many seconds. Raises if one fails."""
    results = folder / "micro.json"
    command = [sys.executable, "-m", "pytest", str(Path(__file__).with_name("micro.py"))]
    command += [f"--benchmark-json={results}", f"--benchmark-max-time={seconds}"]
    command += ["--benchmark-disable-gc", "-p", "no:cacheprovider", "-p", "no:xdist"]
    told = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise RuntimeError(told.stdout[-3000:] + told.stderr[-3000:])
    rows = []
    for each in json.loads(results.read_text())["benchmarks"]:
        name, _, parameter = each["name"].removeprefix("test_").partition("[")
        info = each["extra_info"]
        rows.append(
            [name.replace("_", " "), parameter.rstrip("]"), figure(info["ns"]), info["unit"]]
        )
    return table(["what", "of", "ns", "per"], rows)
