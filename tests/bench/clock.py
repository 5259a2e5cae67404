"""What upstream and clients share: an event loop, and the time of sending inside an event.

Kept apart so that a client process starts without importing the rest.
"""

import asyncio
import re
import time
from collections.abc import Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

STAMP: Final = re.compile(rb"@(\d{19})@")
"""Nanoseconds of the monotonic clock, which all processes of a machine share."""

NO_STAMP: Final = "@" + 19 * "0" + "@"
"""What stands in a text where the stamp will be."""


def stamp() -> bytes:
    """Now."""
    return b"@%019d@" % time.monotonic_ns()


def ages(data: bytes) -> list[float]:
    """The seconds since each of the stamps in `data`."""
    stamps = STAMP.findall(data)
    now = time.monotonic_ns() if stamps else 0
    return [(now - int(each)) / 1e9 for each in stamps]


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop, uvloop's where it is installed."""
    loop: asyncio.AbstractEventLoop = import_module(
        "uvloop" if find_spec("uvloop") else "asyncio"
    ).new_event_loop()
    return loop


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` in such a loop."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main)
