"""What the tests of recordings say and read: recorded requests, files, replays."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from conftest import KEY, Stack, run_stack

from proxy.cli import main
from proxy.errors import DialectName
from proxy.routing import EndpointName

DIALECTS: Final[tuple[DialectName, ...]] = ("messages", "chat")
ENDPOINTS: Final[tuple[EndpointName, ...]] = ("anthropic", "openai")
PAIRS: Final = [(dialect, endpoint) for dialect in DIALECTS for endpoint in ENDPOINTS]
PATHS: Final = {"messages": "/v1/messages", "chat": "/v1/chat/completions"}
HEADERS: Final = {"x-api-key": KEY}

_SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: Final[dict[DialectName, Any]] = {
    "messages": [{"name": "get_weather", "description": "Weather", "input_schema": _SCHEMA}],
    "chat": [{"type": "function", "function": {"name": "get_weather", "parameters": _SCHEMA}}],
}


def ask(endpoint: str = "anthropic", content: Any = "Hello", **more: Any) -> dict[str, Any]:
    """A request that both dialects understand, for an endpoint."""
    messages = [{"role": "user", "content": content}]
    return {"model": f"glm-4.5-{endpoint}", "max_tokens": 1000, "messages": messages, **more}


@dataclass(slots=True)
class Recorded:
    """A running stack that records, and its files: complete once it has stopped."""

    directory: Path
    stack: Stack

    @property
    def files(self) -> list[Path]:
        """In the order of time."""
        return sorted(self.directory.iterdir()) if self.directory.is_dir() else []

    @property
    def file(self) -> Path:
        """The only one."""
        (file,) = self.files
        return file

    @property
    def text(self) -> str:
        """All files."""
        return "".join(file.read_text() for file in self.files)


@asynccontextmanager
async def recording(directory: Path, **settings: Any) -> AsyncIterator[Recorded]:
    """A stack that records into `directory`; behind the block everything is written."""
    async with run_stack(record_dir=str(directory), **settings) as stack:
        yield Recorded(directory, stack)


def replayed(file: Path, *options: str) -> int:
    """The exit code of the command."""
    return main(["replay", str(file), *options])
