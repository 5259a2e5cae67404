"""The directory of recordings: readable by its owner alone, and never larger than it may be.

Only files that are named as recordings are counted and removed: the directory may be anybody's.
Several processes may write to the same one.
"""

import contextlib
import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

MOST_FILES: Final = 200
MOST_BYTES: Final = 512 * 1024 * 1024

_NAME: Final = re.compile(r"recording-\d{8}T\d{6}\.\d{6}Z-[\w.-]+\.jsonl", re.ASCII)


class Directory:
    """`path` with at most `files` recordings in it, of at most `size` bytes together."""

    def __init__(self, path: Path, files: int = MOST_FILES, size: int = MOST_BYTES) -> None:
        self.path = path
        self._files = files
        self._size = size

    def write(self, name: str, lines: Iterable[bytes]) -> None:
        """Write a new file, all or nothing, and remove the oldest. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(line + b"\n" for line in lines)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._prune()

    def _prune(self) -> None:
        """Names sort by time; another process may be doing the same."""
        left = self._size
        newest = sorted((p for p in self.path.iterdir() if _NAME.fullmatch(p.name)), reverse=True)
        for number, path in enumerate(newest):
            with contextlib.suppress(FileNotFoundError):
                left -= path.lstat().st_size
                if number >= self._files or left < 0:
                    path.unlink()


def file_name(moment: datetime, request_id: str) -> str:
    """The name of a recording; they sort by `moment` (UTC)."""
    safe = re.sub(r"[^\w.-]", "_", request_id[:64], flags=re.ASCII)
    return f"recording-{moment:%Y%m%dT%H%M%S.%fZ}-{safe}.jsonl"
