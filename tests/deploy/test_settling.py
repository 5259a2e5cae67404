"""The collector leaves alone what the start made, so that it never stops the streams for long."""

import subprocess
import sys
from pathlib import Path

_SERVE = """
import asyncio, gc, os, signal
from proxy import server
from proxy.settings import Settings

def ready(_urls):
    print(gc.get_freeze_count(), len(gc.get_objects()))
    os.kill(os.getpid(), signal.SIGTERM)

asyncio.run(server.serve(Settings(host=["127.0.0.1"], port=0), ready))
"""


def test_a_gateway_that_listens_has_settled(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _SERVE], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    settled, looked_at = map(int, told.stdout.split())
    assert settled > 10_000
    assert looked_at < 1_000
