"""Once it listens, what the start made is left alone, and what requests free is kept."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

_SERVE = """
import asyncio, gc, os, resource, signal
from proxy import server
from proxy.settings import Settings

def ready(_urls):
    settled, looked_at = gc.get_freeze_count(), len(gc.get_objects())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        [b"x" * 100_000 for _ in range(10)]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    print(settled, looked_at, faults)
    os.kill(os.getpid(), signal.SIGTERM)

asyncio.run(server.serve(Settings(host=["127.0.0.1"], port=0), ready))
"""


def serve_and_tell(where: Path) -> list[int]:
    told = subprocess.run(
        [sys.executable, "-c", _SERVE], capture_output=True, text=True, check=True, cwd=where
    )
    return [int(number) for number in told.stdout.split()]


def test_the_collector_leaves_alone_what_the_start_made(tmp_path: Path) -> None:
    settled, looked_at, _ = serve_and_tell(tmp_path)
    assert settled > 10_000
    assert looked_at < 1_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what glibc does")
def test_what_requests_free_is_kept(tmp_path: Path) -> None:
    *_, faults = serve_and_tell(tmp_path)
    assert faults < 2_000
