"""How these tests talk to the simulator: one client, one real socket, both endpoints."""

import asyncio
import base64
import json
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from proxy.simulator import Address, Script, serve_simulator
from proxy.simulator.turn import EndpointName

BOTH: Final[tuple[EndpointName, ...]] = ("anthropic", "openai")
PATHS: Final = {"anthropic": "/v1/messages", "openai": "/chat/completions"}
SAFETY_NET: Final = 30
"""Seconds after which a test that waits for something that never comes has failed."""
KEY: Final = {"Authorization": "Bearer some-key"}


@dataclass(frozen=True)
class Answered:
    """One answer, read whole."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def frames(self) -> list[tuple[str | None, str]]:
        """Event name and data of each frame; fails on anything else than these two lines."""
        assert self.raw.endswith(b"\n\n")
        return [_frame(text) for text in self.raw.decode().split("\n\n")[:-1]]

    @property
    def events(self) -> list[Any]:
        """The decoded data of each frame but `[DONE]`."""
        return [json.loads(data) for _, data in self.frames if data != "[DONE]"]


def _frame(text: str) -> tuple[str | None, str]:
    *names, data = text.split("\n")
    assert data.startswith("data: ")
    assert len(names) <= 1
    return (names[0].removeprefix("event: ") if names else None), data.removeprefix("data: ")


@dataclass(frozen=True)
class Talk:
    """A session with a simulator and its script."""

    session: aiohttp.ClientSession
    address: Address
    script: Script

    def url(self, endpoint: EndpointName) -> str:
        bases = {"anthropic": self.address.anthropic_base, "openai": self.address.openai_base}
        return bases[endpoint] + PATHS[endpoint]

    async def post(
        self, endpoint: EndpointName, body: Any, headers: Mapping[str, str] = KEY
    ) -> Answered:
        return await self.request("POST", self.url(endpoint), json=body, headers=headers)

    async def request(self, method: str, url: str, **options: Any) -> Answered:
        async with self.session.request(method, url, **options) as response:
            return Answered(response.status, response.headers, await response.read())

    async def ask(self, endpoint: EndpointName, text: str, **more: Any) -> Answered:
        """A streamed question in one user message."""
        return await self.post(endpoint, question(text, **more))


def question(content: Any, **more: Any) -> dict[str, Any]:
    """A request that both endpoints understand."""
    return {
        "model": "glm-4.7",
        "max_tokens": 4096,
        "stream": True,
        "messages": [{"role": "user", "content": content}],
        **more,
    }


@asynccontextmanager
async def talking(script: Script | None = None) -> AsyncIterator[Talk]:
    """A simulator and a session with it. A broken one fails its test instead of holding the run."""
    script = script or Script(pace=0)
    async with (
        asyncio.timeout(SAFETY_NET),
        serve_simulator(script) as address,
        aiohttp.ClientSession() as session,
    ):
        yield Talk(session, address, script)


def text_of(endpoint: EndpointName, answered: Answered) -> str:
    """All answer text of a stream."""
    return "".join(_pieces(endpoint, answered, "text", "content"))


def thinking_of(endpoint: EndpointName, answered: Answered) -> str:
    """All reasoning of a stream."""
    return "".join(_pieces(endpoint, answered, "thinking", "reasoning_content"))


def text_deltas(endpoint: EndpointName, answered: Answered) -> list[str]:
    """The deltas of the answer text."""
    return [piece for piece in _pieces(endpoint, answered, "text", "content") if piece]


def _pieces(endpoint: EndpointName, answered: Answered, name: str, chat_name: str) -> list[str]:
    if endpoint == "anthropic":
        deltas = [event.get("delta", {}) for event in answered.events]
        return [delta[name] for delta in deltas if delta.get("type") == f"{name}_delta"]
    deltas = [event["choices"][0]["delta"] for event in answered.events]
    return [delta.get(chat_name, "") for delta in deltas]


def stop_of(endpoint: EndpointName, answered: Answered) -> str | None:
    """The stop or finish reason of a stream."""
    if endpoint == "anthropic":
        deltas = [e["delta"] for e in answered.events if e["type"] == "message_delta"]
        return str(deltas[-1]["stop_reason"]) if deltas else None
    reason = answered.events[-1]["choices"][0].get("finish_reason")
    return None if reason is None else str(reason)


def png(width: int, height: int) -> str:
    """A small valid PNG in base64."""
    rows = b"".join(b"\0" + b"\x40" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()
