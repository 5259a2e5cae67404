"""Writes finished recordings in a thread of its own, and never lets a request feel it.

A recording is redacted as a whole and written once, at its end: what lies across two chunks can
only be found then, and a crash loses no more than the requests under way.
"""

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final

from aiohttp import web

from proxy.recording.directory import Directory, file_name
from proxy.recording.finished import Finished, redacted
from proxy.recording.lines import Header, encode
from proxy.settings import Settings

_log: Final = logging.getLogger("proxy.recording")
_WAITING: Final = 16
"""So many finished recordings may wait for the disk; more are lost."""


class Recorder:
    """What `RECORD_DIR` asks for; `close()` it."""

    def __init__(self, settings: Settings) -> None:
        self._directory = Directory(Path(settings.record_dir).expanduser())
        self._home = _home()
        self._thread = ThreadPoolExecutor(1, "recording")
        self._places = BoundedSemaphore(_WAITING)
        self._failing = False

    def announce(self) -> None:
        """Say in the log that recording is on: it must not be so by oversight."""
        told = "RECORD_DIR is set: prompts and answers are written to disk"
        _log.warning(told, extra={"directory": str(self._directory.path)})

    def keep(self, finished: Finished) -> None:
        """Write it, soon."""
        if self._places.acquire(blocking=False):
            self._thread.submit(self._write, finished).add_done_callback(self._written)
        else:
            self._complain("the disk is too slow")

    async def close(self) -> None:
        """Wait until all is written."""
        await asyncio.to_thread(self._thread.shutdown)

    def _write(self, finished: Finished) -> None:
        lines = redacted(finished, self._home)
        header = lines[0]
        assert isinstance(header, Header)  # noqa: S101 - for the type checker
        name = file_name(header.time, header.request_id)
        self._directory.write(name, (encode(line) for line in lines))

    def _written(self, future: "Future[None]") -> None:
        """Whatever went wrong: nobody waits for it, so the log is told. Nothing of the content."""
        self._places.release()
        error = future.exception()
        if error is None:
            self._failing = False
        else:
            told = isinstance(error, OSError) and error.strerror
            self._complain(told or type(error).__name__)

    def _complain(self, why: str) -> None:
        """Once, until it works again."""
        if not self._failing:
            self._failing = True
            extra = {"directory": str(self._directory.path), "reason": why}
            _log.error("a recording is lost", extra=extra)


RECORDER: Final = web.AppKey("recorder", Recorder)


def _home() -> str:
    try:
        return str(Path.home())
    except RuntimeError:  # nobody's: a user id without an entry
        return ""
