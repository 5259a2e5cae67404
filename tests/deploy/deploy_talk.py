"""Gateways as processes of their own: their environment, one reply held open, sockets they own."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from proxy.simulator import Address, Gate, Reply

ROOT: Final = Path(__file__).parents[2]
WAIT_SECONDS: Final = 20.0
"""A test that waits longer for something than this has failed; nothing waits that long."""

ASKED: Final = {
    "model": "glm-4.5",
    "max_tokens": 100,
    "stream": True,
    "messages": [{"role": "user", "content": "Hello"}],
}


def environment(zai: Address | None = None, **variables: str) -> dict[str, str]:
    """Just enough for a Python process, and these settings; nothing of the test's own."""
    bases = (
        {"UPSTREAM_BASE": zai.anthropic_base, "OPENAI_UPSTREAM_BASE": zai.openai_base}
        if zai
        else {}
    )
    kept = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return kept | bases | {"HOST": "127.0.0.1", "WARM_CONNECTIONS": "0"} | variables


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def process(
    *command: str, cwd: Path, env: dict[str, str], **options: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process with its output captured; killed if the block leaves it alive."""
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **options,
    )
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def line_with(started: asyncio.subprocess.Process, text: str) -> str:
    """The next line of output that contains `text`. Raises AssertionError if none comes."""
    seen = []
    assert started.stdout is not None
    async for raw in started.stdout:
        seen.append(raw.decode())
        if text in seen[-1]:
            return seen[-1]
    raise AssertionError(f"{text!r} not in {''.join(seen)}")


def held_reply() -> tuple[Gate, Reply]:
    """A Messages stream that says "Hi", and ends when the gate is opened."""
    gate = Gate()
    usage = {"input_tokens": 7, "output_tokens": 0}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "glm-4.5"}
    return gate, Reply.sse(
        _event("message_start", message={**head, "content": [], "usage": usage}),
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        _event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"}),
        gate,
        _event("content_block_stop", index=0),
        _event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"input_tokens": 7, "output_tokens": 1},
        ),
        _event("message_stop"),
    )


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


@asynccontextmanager
async def live_stream(url: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """A stream of which the first content has been read."""
    async with (
        aiohttp.ClientSession(headers={"x-api-key": "any"}) as session,
        session.post(f"{url}/v1/messages", json=ASKED) as response,
    ):
        assert response.status == 200
        await response.content.readuntil(b"Hi")
        yield response
