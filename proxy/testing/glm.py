"""A running gateway, the simulated z.ai behind it, and what a test says to both.

Everything is the real thing but z.ai: sockets, routing, translation. Settings are the defaults and
those given, never the environment's or `.env`'s. Two defaults differ: nothing is tried again and
nothing waits at the end, so that one request meets one scripted reply and a test ends at once.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from aiohttp import web

from proxy.server import make_runner, run
from proxy.settings import Settings
from proxy.simulator import (
    Address,
    Answer,
    Failure,
    Gate,
    Received,
    Script,
    ToolCall,
    serve_simulator,
)
from proxy.simulator.errors import is_known
from proxy.simulator.moments import Moment
from proxy.simulator.turn import Ending, Stop

T = TypeVar("T")
_HOST: Final = "127.0.0.1"
_KEY: Final = "testing-key"
_DEFAULTS: Final[Mapping[str, Any]] = {"retry_seconds": 0.0, "drain_seconds": 0.0}


@dataclass(frozen=True, slots=True)
class Glm:
    """A running gateway at `url`; `app` is its application, `script` and `zai` are z.ai's side."""

    url: str
    app: web.Application
    script: Script
    zai: Address
    key: str = _KEY

    @property
    def chat_url(self) -> str:
        """The base URL for OpenAI clients, with `/v1`."""
        return f"{self.url}/v1"

    @property
    def messages_url(self) -> str:
        """The base URL for Anthropic clients, without `/v1`."""
        return self.url

    @property
    def environment(self) -> dict[str, str]:
        """What leads a process here: base URLs, a key, and no HTTP proxy on the way."""
        return {
            "OPENAI_BASE_URL": self.chat_url,
            "OPENAI_API_BASE": self.chat_url,  # aider and other users of LiteLLM
            "OPENAI_API_KEY": self.key,
            "ANTHROPIC_BASE_URL": self.messages_url,
            "ANTHROPIC_API_KEY": self.key,
            "NO_PROXY": _HOST,
            "no_proxy": _HOST,
        }

    @property
    def requests(self) -> Sequence[Received]:
        """The requests that have reached z.ai, after translation, the last one last."""
        return self.script.requests

    def will_answer(
        self,
        *told: str | ToolCall | Gate,
        thinking: str = "",
        stop: Stop | None = None,
        ending: Ending = "end",
    ) -> None:
        """Queue an answer: reasoning, then texts and calls in their order, held at each gate.

        `stop` is the reason to stop, by default what the content suggests. `ending` breaks the
        reply off: `cut` after the content, `stall` with silence after it, `silence` from the start.
        """
        self.script.replies.append(Answer.of(*told, thinking=thinking, stop=stop, ending=ending))

    def will_refuse(
        self,
        code: int | str,
        message: str = "",
        costume: Literal["status", "event", "json"] = "status",
    ) -> None:
        """Queue a refusal by business code, 1302 for instance; `message` replaces z.ai's words.

        `costume`: with its own HTTP status, or with HTTP 200 as an event or a JSON object. Raises
        ValueError for a code that z.ai does not have.
        """
        if not is_known(str(code)):
            raise ValueError(f"z.ai has no business code {code}.")
        self.script.replies.append(Failure(str(code), costume, message))


@asynccontextmanager
async def serve_glm(script: Script | None = None, **settings: Any) -> AsyncIterator[Glm]:
    """Serve while the context lasts, on a free port of 127.0.0.1, with these fields of `Settings`.

    Raises SettingsError for settings that cannot work together.
    """
    script = script or Script()
    async with serve_simulator(script) as zai:
        bases = {"upstream_base": zai.anthropic_base, "openai_upstream_base": zai.openai_base}
        runner = make_runner(Settings(**{**_DEFAULTS, **bases, **settings}))
        await runner.setup()
        try:
            await web.TCPSite(runner, _HOST, 0).start()
            url = f"http://{_HOST}:{runner.addresses[0][1]}"
            yield Glm(url, runner.app, script, zai)
        finally:
            await runner.cleanup()


@contextmanager
def serve_glm_in_thread(script: Script | None = None, **settings: Any) -> Iterator[Glm]:
    """The same from a thread with a loop of its own, for callers that have none or block theirs."""
    started: futures.Future[Glm] = futures.Future()
    left = Moment()

    async def live() -> None:
        async with serve_glm(script, **settings) as glm:
            started.set_result(glm)
            await left.wait()

    with futures.ThreadPoolExecutor(1, thread_name_prefix="glm") as thread:
        lived = thread.submit(run, live())
        either: list[futures.Future[Any]] = [started, lived]
        futures.wait(either, return_when=futures.FIRST_COMPLETED)
        if lived.done():
            lived.result()  # raises what kept it from starting
        try:
            yield started.result()
        finally:
            left.come()
            lived.result()


def wait(happening: Coroutine[Any, Any, T], seconds: float = 10.0) -> T:
    """Wait for `gate.reached()` or `glm.script.gone.reach(1)` in a test that cannot await.

    Raises TimeoutError after `seconds`, RuntimeError inside a running event loop.
    """
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(happening, seconds))
