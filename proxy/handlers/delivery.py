"""How a reply reaches the client: streamed as it comes, or folded to one body.

Until the first real event everything is held back, the status line too, so that a failure before it
can still be told as a status, or be tried again.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from proxy.context import Observation
from proxy.dialects.registry import Fold
from proxy.dialects.transcoder import OVER, Transcoder
from proxy.errors import GatewayError, Problem
from proxy.handlers.client_stream import ClientStream
from proxy.handlers.limits import Clock
from proxy.handlers.reading import Chunks

_HELD_LIMIT: Final = 64 * 1024


async def pass_on(
    chunks: Chunks, reply: Transcoder, stream: ClientStream, seen: Observation
) -> web.StreamResponse:
    """Stream the reply. Raises GatewayError when it fails, before or after content."""
    held: list[bytes] = []
    bypass = _Bypass(reply, stream, chunks.clock)
    async for chunk in chunks:
        out = bypass.feed(chunk)
        if seen.first_event is None:
            held.append(out)
            if reply.phase == "waiting":
                _check_size(held)
                continue
            _begin(reply, seen)
            out = b"".join(held)
        if reply.phase == "ended":
            return await stream.finish(out)
        if out:
            await stream.write(out)
        raise_failure(reply)
        chunks.sink = bypass.take
    rest = reply.close()
    if seen.first_event is None:
        _begin(reply, seen)
        rest = b"".join([*held, rest])
    if reply.failure and rest:
        await stream.write(rest)
    raise_failure(reply)
    return await stream.finish(rest)


class _Bypass:
    """The way of a chunk from where it arrives to the client, as long as nobody has to wait."""

    __slots__ = ("_clock", "_last", "_now", "_raised", "_reply", "_stream")

    def __init__(self, reply: Transcoder, stream: ClientStream, clock: Clock) -> None:
        self._reply = reply
        self._stream = stream
        self._clock = clock
        self._now = asyncio.get_running_loop().time
        self._last = b""
        self._raised: Exception | None = None

    def take(self, chunk: bytes) -> bool:
        """Pass a chunk on; False if the client is slow, or if that was the end: see `feed`."""
        if not self._stream.is_clear(len(chunk)):
            return False
        try:
            out = self._reply.feed(chunk)
        except Exception as error:  # noqa: BLE001 - raised again by `feed`, where it can be told
            self._raised = error
            return False
        if self._reply.phase != "streaming":
            self._last = out
            return False
        self._clock.reading = now = self._now()
        self._stream.send(out, now)
        return True

    def feed(self, chunk: bytes) -> bytes:
        """What is to be written for a chunk that was read, perhaps after `take` refused it."""
        if self._raised:
            raise self._raised
        return self._last + self._reply.feed(chunk)


async def gather(
    chunks: AsyncIterator[bytes], reply: Transcoder, fold: Fold, seen: Observation
) -> web.StreamResponse:
    """The whole reply as one body; its status waits for the end. Raises GatewayError."""
    async for chunk in chunks:
        _take(fold, reply.feed(chunk))
        if seen.first_event is None and reply.phase != "waiting":
            _begin(reply, seen)
        if reply.phase in OVER:
            break
    if rest := reply.close():
        _take(fold, rest)
    raise_failure(reply)
    body = fold.body()
    seen.bytes_out = len(body)
    return web.Response(body=body, content_type="application/json")


def _take(fold: Fold, run: bytes) -> None:
    """A relay does not read what it passes on, so it is here that garbage in a reply shows."""
    try:
        fold.feed(run)
    except ValueError:
        message = "The upstream sent something unreadable in its reply."
        problem = Problem("api_error", message, status=502, code="upstream_garbage")
        raise GatewayError(problem) from None


def raise_failure(reply: Transcoder) -> None:
    """Raise what made the reply fail, if it did."""
    if reply.phase == "failed" and reply.failure:
        raise GatewayError(reply.failure)


def _check_size(held: list[bytes]) -> None:
    """What is held back before a first real event has a few hundred bytes, or is garbage."""
    if sum(map(len, held)) > _HELD_LIMIT:
        message = f"The upstream sent too much ({_HELD_LIMIT // 1024} KB) before its first event."
        raise GatewayError(Problem("api_error", message, status=502, code="upstream_garbage"))


def _begin(reply: Transcoder, seen: Observation) -> None:
    """The first real event is here; or a failure with it: then nothing has reached the client."""
    raise_failure(reply)
    seen.first_event = asyncio.get_running_loop().time()
