"""Child processes: started on processors of their own, measured with their children, ended by id.

What is measured gets the first processor that we may use, upstream and clients the others, where
the system lets us choose.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

import psutil

TESTS: Final = Path(__file__).parents[1]
ROOT: Final = TESTS.parent
_MEGABYTE: Final = 1024 * 1024
_STOP_SECONDS: Final = 5.0
_PROCESSORS: Final = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


def environment(**more: str) -> dict[str, str]:
    """Ours with this tree on the path, without HTTP proxies and what else steers Python."""
    known = {
        name: value
        for name, value in os.environ.items()
        if "proxy" not in name.lower() and not name.startswith("PYTHON")
    }
    path = os.pathsep.join((str(ROOT), str(TESTS)))
    return {**known, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


@contextlib.contextmanager
def pinned(*, measured: bool) -> Iterator[None]:
    """This process, and children made within, run on the first processor, or on all but that."""
    if sys.platform != "linux" or len(_PROCESSORS) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _PROCESSORS[:1] if measured else _PROCESSORS[1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Child:
    """A running process. `measured` ones have a processor to themselves."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        measured: bool = False,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        with pinned(measured=measured), log.open("ab") as errors:
            self._popen: subprocess.Popen[str] = subprocess.Popen(
                command,
                cwd=cwd or log.parent,
                env=environment(**(env or {})),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if not measured else errors,
                stderr=errors,
                text=True,
            )
        self._process = psutil.Process(self._popen.pid)
        self._log = log

    @classmethod
    def python(cls, module: str, log: Path, *arguments: str, **options: Any) -> "Child":
        """A module of ours under this interpreter."""
        return cls([sys.executable, "-m", module, *arguments], log, **options)

    @property
    def input(self) -> IO[str]:
        """Its standard input."""
        assert self._popen.stdin
        return self._popen.stdin

    def line(self) -> str:
        """The next line it says. Raises RuntimeError if it ended instead."""
        assert self._popen.stdout
        line = self._popen.stdout.readline()
        if not line:
            raise RuntimeError(f"ended early: {self._log.read_text()[-2000:]}")
        return line.strip()

    def spoke(self, seconds: float) -> bool:
        """Whether it says something, or ends, within so many seconds."""
        assert self._popen.stdout
        return bool(select.select([self._popen.stdout], [], [], seconds)[0])

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def cpu(self) -> float:
        """Seconds of CPU time that it and its children have used."""
        times = [process.cpu_times() for process in self._tree]
        return sum(each.user + each.system for each in times)

    def memory(self) -> float:
        """Resident memory of it and its children, in MB."""
        rss: int = sum(process.memory_info().rss for process in self._tree)
        return rss / _MEGABYTE

    @cached_property
    def _tree(self) -> list[psutil.Process]:
        """It and the children that it has when first asked; to look again would take 10 ms."""
        return [self._process, *self._process.children(recursive=True)]

    def stop(self, asking: signal.Signals = signal.SIGTERM) -> None:
        """End it: asked first, then forced."""
        for number in (asking, signal.SIGKILL):
            self._popen.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_STOP_SECONDS)
                break
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def machine_cpu() -> float:
    """Seconds of CPU time that this machine's processes have used, ours and others, and that its
    host has given to other machines."""
    times = psutil.cpu_times()._asdict()
    idle = ("idle", "iowait", "guest", "guest_nice")  # guest is within user
    return float(sum(spent for kind, spent in times.items() if kind not in idle))
