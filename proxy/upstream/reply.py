"""What the upstream answers, whichever client asked it: status and headers, the body unread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

Sink = Callable[[bytes], bool]
"""Takes bytes of a body where they arrive; False leaves them to the reader of the body."""


class Source(Protocol):
    """Where the bytes of a body arrive."""

    def divert(self, sink: Sink | None) -> None:
        """Let `sink` have what arrives while the reader waits, until it refuses; None ends that."""


@dataclass(slots=True)
class Reply:
    """An answer that has begun; `release()` gives its connection back, or closes it if unread.

    It has no `source` where bytes can only be read.
    """

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader
    release: Callable[[], object]
    source: Source | None = None

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty if none was told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Client(Protocol):
    """Posts to one base."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The reply to `body`, sent to the base's `path`.

        Raises TimeoutError, aiohttp.ClientError, and StaleConnectionError.
        """


class StaleConnectionError(Exception):
    """A connection from the pool was dead: nothing was answered, so nothing was spent."""


def is_stale(error: aiohttp.ClientError) -> bool:
    """Whether a connection that was used again was closed before any part of a response.

    aiohttp hands over what had arrived of one.
    """
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)
    return isinstance(error, aiohttp.ClientOSError)
