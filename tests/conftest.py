"""The gateway in front of the simulator, both on real sockets, for whoever asks for `stack`."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import hypothesis
import pytest
from aiohttp import web
from browser import Tab, browser, chromium, new_tab

from proxy.simulator import Address, Script
from proxy.testing import serve_glm

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

DATA = Path(__file__).parent / "data"
KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Stack:
    """A running gateway (`url`), the z.ai behind it, and a client session with a key."""

    url: str
    app: web.Application
    script: Script
    zai: Address
    session: aiohttp.ClientSession

    async def post(self, path: str, body: Any, **options: Any) -> aiohttp.ClientResponse:
        """POST `body` (JSON, or bytes as they are); the whole answer has been read."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("headers", {"x-api-key": KEY})
        response = await self.session.post(self.url + path, data=data, **options)
        await response.read()
        return response

    async def get(self, path: str, **options: Any) -> aiohttp.ClientResponse:
        """GET; the whole answer has been read."""
        response = await self.session.get(self.url + path, **options)
        await response.read()
        return response


@asynccontextmanager
async def run_stack(**settings: Any) -> AsyncIterator[Stack]:
    """A stack with these settings, as `python -m proxy` would serve it."""
    async with serve_glm(**settings) as glm, aiohttp.ClientSession() as session:
        yield Stack(glm.url, glm.app, glm.script, glm.zai, session)


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """A stack with the default settings."""
    async with run_stack() as running:
        yield running


StackFactory = Callable[..., Awaitable[Stack]]


@pytest.fixture
async def start_stack() -> AsyncIterator[StackFactory]:
    """A function that starts a stack with the settings it is given."""
    async with AsyncExitStack() as cleanup:

        async def start(**settings: Any) -> Stack:
            return await cleanup.enter_async_context(run_stack(**settings))

        yield start


@pytest.fixture(scope="session")
def devtools() -> Iterator[str]:
    """The address of a headless Chromium; REQUIRE_BROWSER says that there must be one."""
    executable = chromium()
    if executable is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail("REQUIRE_BROWSER is set, and no Chromium is on PATH")
        pytest.skip("no Chromium on PATH")
    with browser(executable) as address:
        yield address


@pytest.fixture
async def tab(devtools: str) -> AsyncIterator[Tab]:
    """A tab; whatever a test does with it, the page may not complain nor ask anybody else."""
    async with new_tab(devtools) as tab:
        await tab.size(1280, 800)
        yield tab
        assert tab.complaints == []
        assert tab.strangers == []
