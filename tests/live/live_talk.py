"""What the tests of metrics and live page say and read: requests, scrapes, live events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import web
from conftest import KEY, Stack
from prometheus_client.parser import text_string_to_metric_families

from proxy.context import OBSERVERS
from proxy.live.wire import EVENTS
from proxy.simulator import Gate, Reply
from proxy.simulator.moments import Tally
from proxy.simulator.script import Step

PATHS: Final = {"messages": "/v1/messages", "chat": "/v1/chat/completions"}
COUNT: Final = "/v1/messages/count_tokens"
WAIT_SECONDS: Final = 10.0
"""A test that waits longer for something than this has failed; nothing waits that long."""

Samples = dict[str, float]


def ask(content: str = "Hello", model: str = "glm-4.5", **more: Any) -> dict[str, Any]:
    """A request that both dialects understand."""
    messages = [{"role": "user", "content": content}]
    return {"model": model, "max_tokens": 1000, "messages": messages, **more}


def said(*steps: str | Gate) -> Reply:
    """A streamed answer of the Anthropic endpoint: these texts, held at these gates.

    Gates at the beginning hold it before it has said anything.
    """
    head = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": []}
    usage = {"input_tokens": 700, "cache_read_input_tokens": 300, "output_tokens": 50}
    first = _event("message_start", message={**head, "usage": {"input_tokens": 0}})
    block = _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    last = (
        _event("content_block_stop", index=0),
        _event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage),
        _event("message_stop"),
    )
    opening = [*takewhile(lambda step: isinstance(step, Gate), steps)]
    rest = steps[len(opening) :]
    return Reply.sse(first, *map(_step, opening), block, *map(_step, rest), *last)


def held(gate: Gate, before: Gate | None = None) -> Reply:
    """An answer that says "Hi" and waits at `gate`, or at `before` without having said anything."""
    return said(*([before] if before else []), "Hi", gate)


def _step(step: str | Gate) -> Step:
    if isinstance(step, Gate):
        return step
    return _event("content_block_delta", index=0, delta={"type": "text_delta", "text": step})


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def used_up(hours: float = 2.0) -> Reply:
    """A refusal because the plan's quota is used up for that long; z.ai's clock is UTC+8."""
    reset = datetime.now(timezone(timedelta(hours=8))) + timedelta(hours=hours)
    message = f"Usage limit reached. Your limit will reset at {reset:%Y-%m-%d %H:%M:%S}"
    return Reply.json({"error": {"code": "1308", "message": message}}, 429)


class Ends:
    """An observer that counts requests which are over for all observers before it."""

    def __init__(self, app: web.Application) -> None:
        self._tally = Tally()
        app[OBSERVERS].append(self)

    def started(self, request: web.Request) -> None:
        """See `Observer`."""

    def finished(self, request: web.Request, status: int, now: float) -> None:  # noqa: ARG002
        """See `Observer`; what is not posted is not counted."""
        if request.method == "POST":
            self._tally.add()

    async def reach(self, count: int) -> None:
        """Return once that many are over."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._tally.reach(count)


async def scrape(stack: Stack) -> Samples:
    """Every sample, by `name{label=value,...}` without the common prefix, labels sorted."""
    response = await stack.get("/metrics")
    assert response.status == 200
    return {
        _named(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(await response.text())
        for sample in family.samples
    }


def _named(name: str, labels: dict[str, str]) -> str:
    told = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return f"{name.removeprefix('anthropic_proxy_')}{{{told}}}" if told else name[16:]


class Reader:
    """A reader of the live events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.raw = b""
        self.past: list[tuple[str, Any]] = []

    async def next(self) -> tuple[str, Any]:
        """Name and data of the next event, of the documented shape. Raises EOFError at the end."""
        while True:
            async with asyncio.timeout(WAIT_SECONDS):
                try:
                    frame = await self.response.content.readuntil(b"\n\n")
                except asyncio.IncompleteReadError:
                    raise EOFError from None
            if not frame:
                raise EOFError
            self.raw += frame
            fields = dict(line.split(": ", 1) for line in frame.decode().splitlines() if line)
            if "event" in fields:
                msgspec.json.decode(fields["data"], type=EVENTS[fields["event"]])
                told = fields["event"], json.loads(fields["data"])
                self.past.append(told)
                return told

    async def request(self, phase: str) -> dict[str, Any]:
        """The next news of a request, which must be in that phase."""
        while True:
            name, data = await self.next()
            if name == "request":
                assert data["phase"] == phase, data
                return dict(data)


@asynccontextmanager
async def reading(stack: Stack, **headers: str) -> AsyncIterator[tuple[Reader, dict[str, Any]]]:
    """A reader, and the snapshot that it begins with."""
    async with stack.session.get(stack.url + "/ui/events", headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        reader = Reader(response)
        name, snapshot = await reader.next()
        assert name == "snapshot"
        yield reader, snapshot


def post(stack: Stack, dialect: str = "messages", **more: Any) -> Any:
    """A streamed request, to be used with `async with`."""
    body = ask(stream=True, **more)
    headers = {"x-api-key": KEY, "user-agent": "claude-cli/2.0.14 (external, cli)"}
    return stack.session.post(stack.url + PATHS[dialect], json=body, headers=headers)
