"""A client that leaves takes its upstream request with it, in every phase and under every server.

Sockets are closed, never half-read: what is awaited is the simulator's own witness that the gateway
hung up (`script.gone`).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from conftest import KEY, StackFactory
from fault_processes import COMMANDS, run_process
from fault_talk import (
    DIALECTS,
    PATHS,
    WAIT_SECONDS,
    Dialect,
    ask,
    begin,
    content,
    hurry_watchdog,
    refusal,
    until,
)

from proxy import Settings, create_app
from proxy.context import GATES, WATCHDOG
from proxy.simulator import Reply, Script, serve_simulator
from proxy.upstream import retry

HALF = Reply.sse(*begin("anthropic"), *content("anthropic"), then="stall")


@dataclass(frozen=True)
class Phase:
    """When the client leaves: what the upstream does by then, and what was asked."""

    reply: Reply
    streams: bool
    reads: bool = False


PHASES = {
    "before headers": Phase(Reply.sse(then="stall"), streams=True),
    "before the first event": Phase(Reply.sse(*begin("anthropic"), then="stall"), streams=True),
    "mid-stream": Phase(HALF, streams=True, reads=True),
    "non-stream, before headers": Phase(Reply.sse(then="stall"), streams=False),
    "non-stream, in content": Phase(HALF, streams=False),
}
Post = Callable[..., Any]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry_watchdog(monkeypatch)


async def leave(post: Post, script: Script, phase: Phase, dialect: Dialect) -> None:
    """Ask, go as far as the phase says, and hang up; return when the upstream was hung up on."""
    script.replies.append(phase.reply)
    gone = script.gone.count
    arrived = script.arrived.count
    async with asyncio.timeout(WAIT_SECONDS):
        asked = asyncio.create_task(talk(post, phase, dialect))
        await script.arrived.reach(arrived + 1)
        if phase.reads:
            await asked
        else:
            asked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asked
        await script.gone.reach(gone + 1)


async def talk(post: Post, phase: Phase, dialect: Dialect) -> None:
    """Read up to the content and close the connection there, if it comes that far."""
    body = ask(stream=phase.streams)
    async with post(PATHS[dialect], json=body, headers={"x-api-key": KEY}) as response:
        await response.content.readuntil(b"Hi")
        response.close()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("phase", PHASES)
async def test_a07_under_an_app_runner(
    start_stack: StackFactory, dialect: Dialect, phase: str
) -> None:
    """Client left, upstream goes on."""
    stack = await start_stack()

    def post(path: str, **options: Any) -> Any:
        return stack.session.post(stack.url + path, **options)

    await leave(post, stack.script, PHASES[phase], dialect)
    await until(lambda: not len(stack.app[WATCHDOG]))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("phase", PHASES)
async def test_a07_under_the_test_client(
    aiohttp_client: Callable[..., Awaitable[TestClient[Any, Any]]], dialect: Dialect, phase: str
) -> None:
    """Its server cancels handlers by itself, the others do not."""
    script = Script()
    async with serve_simulator(script) as zai:
        app = create_app(Settings(upstream_base=zai.anthropic_base, drain_seconds=0.0))
        client = await aiohttp_client(app)
        await leave(client.post, script, PHASES[phase], dialect)
        await until(lambda: not len(app[WATCHDOG]))
        await client.close()


@pytest.mark.parametrize("command", COMMANDS)
async def test_a07_as_a_process_of_its_own(tmp_path: Path, command: str) -> None:
    """`python -m proxy`, and gunicorn's workers for aiohttp."""
    async with run_process(tmp_path, command, DRAIN_SECONDS="0") as running:

        def post(path: str, **options: Any) -> Any:
            return running.session.post(running.url + path, **options)

        for number, phase in enumerate(PHASES.values()):
            await leave(post, running.script, phase, DIALECTS[number % 2])


async def test_a07_who_leaves_during_a_wait_for_a_retry_is_not_asked_for_again(
    start_stack: StackFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second attempt would be for nobody."""
    monkeypatch.setattr(retry, "_FIRST_SECONDS", 1_000.0)
    monkeypatch.setattr(retry, "_LONGEST_SECONDS", 1_000.0)
    stack = await start_stack(retry_seconds=10_000.0)
    stack.script.replies.append(refusal("1302"))
    asked = asyncio.create_task(stack.post(PATHS["chat"], ask(stream=True)))
    await stack.script.arrived.reach(1)
    asked.cancel()
    await until(lambda: not len(stack.app[WATCHDOG]))
    assert len(stack.script.requests) == 1


async def test_a07_who_leaves_the_queue_is_never_sent_upstream(start_stack: StackFactory) -> None:
    stack = await start_stack(upstream_concurrency="1")
    stack.script.replies += [HALF, Reply.json({})]
    url = stack.url + PATHS["chat"]
    headers = {"x-api-key": KEY}
    async with stack.session.post(url, json=ask(stream=True), headers=headers):
        waiting = asyncio.create_task(stack.post(PATHS["chat"], ask(stream=True)))
        (gate,) = stack.app[GATES]._gates.values()
        await until(lambda: gate.waiting == 1)
        waiting.cancel()
        await until(lambda: gate.waiting == 0)
    await until(lambda: gate.active == 0)
    assert len(stack.script.requests) == 1


async def test_a07_a_reply_that_was_complete_is_no_client_that_left(
    start_stack: StackFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """The client has all of it and closes; that the upstream dawdles is not the client's fault."""
    stack = await start_stack()
    complete = b"".join([*begin("anthropic"), *content("anthropic")])
    end = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    stack.script.replies.append(Reply.sse(complete, end, then="stall"))
    caplog.set_level("INFO", "proxy.request")
    async with aiohttp.ClientSession(headers={"x-api-key": KEY}) as session:
        url = stack.url + PATHS["messages"]
        async with session.post(url, json=ask(stream=True)) as response:
            raw = await response.read()
    assert raw.endswith(end)
    await until(lambda: caplog.records)
    assert [vars(record)["msg"].status for record in caplog.records] == [200]
