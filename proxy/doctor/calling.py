"""Asking a model as the gateway asks it, once: no retry, no scaling, a limit in time.

The request is a Messages request whatever the endpoint, and so is the answer: translation, fitting
and reading are the gateway's own, so a probe fails where the gateway would.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from proxy import __version__, models
from proxy.dialects.changes import Changes
from proxy.dialects.messages.fold import MessagesFold
from proxy.dialects.registry import CLIENTS, ENDPOINTS, transcoder, upstream_request
from proxy.dialects.transcoder import OVER, ReplyContext, Transcoder
from proxy.errors import GatewayError, Problem
from proxy.handlers.delivery import raise_failure
from proxy.handlers.opening import open_reply
from proxy.routing import EndpointName
from proxy.tokens.scale import Scale
from proxy.tokens.usage import Usage
from proxy.upstream.advice import advise
from proxy.upstream.client import Upstream
from proxy.upstream.headers import forwarded

_ANSWER_LIMIT: Final = 1024 * 1024
_TOO_SLOW: Final = Problem(
    "timeout_error", "No complete answer in time.", hint="Try again; --timeout allows more."
)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask: an endpoint, its base URL, a model there and its context window in tokens."""

    endpoint: EndpointName
    base: str
    model: str
    window: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: a Messages body, raw usage, how it came. Times in seconds."""

    body: dict[str, Any]
    usage: Usage
    pieces: int
    first: float
    seconds: float

    @property
    def text(self) -> str:
        """All its text."""
        return "".join(block.get("text", "") for block in self.body.get("content", []))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Its tool calls."""
        return [block for block in self.body.get("content", []) if block["type"] == "tool_use"]


class Caller:
    """Asks with one key. A base gets its own session; `open_caller` closes them."""

    def __init__(self, key: str, seconds: float, cleanup: AsyncExitStack) -> None:
        self._key = key
        self._seconds = seconds
        self._cleanup = cleanup
        self._upstreams: dict[str, Upstream] = {}

    async def ask(self, target: Target, request: dict[str, Any]) -> Answer:
        """The answer to a Messages request. Raises GatewayError for a refusal or a broken one."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(target, request)
        except TimeoutError as error:
            raise GatewayError(_TOO_SLOW) from error
        except GatewayError as error:
            raise GatewayError(advise(error.problem, target.base)) from error

    async def _ask(self, target: Target, request: dict[str, Any]) -> Answer:
        client, endpoint, changes = CLIENTS["messages"], ENDPOINTS[target.endpoint], Changes()
        request = {**request, "model": target.model}
        model = models.describe(target.model, target.window)
        body = upstream_request(client, endpoint, client.read(request), request, model, changes)
        headers = forwarded({}, target.endpoint, self._key, changes)
        context = ReplyContext(target.model, Scale(), target.window, 0, "msg_doctor")
        began = time.monotonic()
        upstream = self._upstream(target.base)
        async with upstream.open(
            target.endpoint, endpoint.path, msgspec.json.encode(body), headers
        ) as response:
            whole = await open_reply(response, endpoint, target.window, _ANSWER_LIMIT)
            chunks = _once(whole) if whole is not None else response.content.iter_any()
            return await _read(chunks, transcoder(client, endpoint, context), began)

    def _upstream(self, base: str) -> Upstream:
        if base not in self._upstreams:
            upstream = Upstream(base, base, self._seconds, f"anthropic-proxy/{__version__}")
            self._upstreams[base] = upstream
            self._cleanup.push_async_callback(upstream.close)
        return self._upstreams[base]


@asynccontextmanager
async def open_caller(key: str, seconds: float) -> AsyncIterator[Caller]:
    """A caller with `key`; each question may take `seconds`."""
    async with AsyncExitStack() as cleanup:
        yield Caller(key, seconds, cleanup)


async def _once(whole: bytes) -> AsyncIterator[bytes]:
    yield whole


async def _read(chunks: AsyncIterator[bytes], reply: Transcoder, began: float) -> Answer:
    """The stream to its end. Raises GatewayError when it fails or ends too early."""
    fold, first, pieces = MessagesFold(), 0.0, 0
    async for chunk in chunks:
        out = reply.feed(chunk)
        fold.feed(out)
        pieces += out.count(b"content_block_delta\n")
        if not first and reply.phase != "waiting":
            first = time.monotonic() - began
        if reply.phase in OVER:
            break
    fold.feed(reply.close())
    raise_failure(reply)
    return Answer(json.loads(fold.body()), reply.usage, pieces, first, time.monotonic() - began)
