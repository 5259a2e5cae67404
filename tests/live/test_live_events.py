"""`GET /ui/events`: a snapshot, then what happens in its order; bounded, and silent of content."""

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from conftest import DATA, KEY, Stack, StackFactory
from live_talk import COUNT, PATHS, WAIT_SECONDS, Ends, ask, held, post, reading, used_up
from yarl import URL

from proxy.live import feed as feed_module
from proxy.live.feed import FEED, QUEUE_LIMIT, RING, Listener
from proxy.live.record import tool
from proxy.live.wire import Record
from proxy.server import make_runner
from proxy.settings import Settings
from proxy.simulator import Gate, Reply


async def test_a_request_is_told_from_its_beginning_to_its_end(stack: Stack) -> None:
    before, gate = Gate(), Gate()
    stack.script.replies.append(held(gate, before))
    async with reading(stack) as (reader, snapshot):
        assert snapshot["requests"] == []
        asked = asyncio.create_task(post(stack, "chat", model="glm-4.6").__aenter__())
        begun = await reader.request("receiving")
        assert begun["tool"] == "Claude Code 2.0.14"
        assert begun["dialect"] == "chat"
        waiting = await reader.request("waiting")
        assert (waiting["asked"], waiting["model"]) == ("glm-4.6", "glm-4.6")
        assert (waiting["endpoint"], waiting["reason"]) == ("anthropic", "text")
        before.open()
        streaming = await reader.request("streaming")
        assert streaming["first_event"] > 0
        gate.open()
        done = await reader.request("done")
        await (await asked).read()
    assert len({each["id"] for each in (begun, waiting, streaming, done)}) == 1
    assert done["status"] == 200
    assert done["duration"] >= done["first_event"]
    assert done["raw"] == {"input": 700, "cache_creation": 0, "cache_read": 300, "output": 50}
    assert done["scaled"] == {"input": 448, "cache_creation": 0, "cache_read": 192, "output": 32}
    assert (done["client_window"], done["real_window"], done["scale"]) == (128_000, 200_000, "0.64")


async def test_bytes_of_an_open_answer_are_told(stack: Stack) -> None:
    gate = Gate()
    stack.script.replies.append(held(gate))
    async with reading(stack) as (reader, _), post(stack) as response:
        await response.content.readuntil(b"Hi")
        name, state = await reader.next()
        while name != "state" or not state["sent"]:
            name, state = await reader.next()
        assert next(iter(state["sent"].values())) > 100
        assert state["active"] == 1
        gate.open()
        await response.read()


async def test_who_comes_later_sees_what_was_and_what_is(stack: Stack) -> None:
    ends, gate = Ends(stack.app), Gate()
    await stack.post(PATHS["chat"], ask(max_tokens=10_000_000))
    await ends.reach(1)
    stack.script.replies.append(held(gate))
    async with post(stack) as response:
        await response.content.readuntil(b"Hi")
        async with reading(stack) as (_, snapshot):
            past, present = snapshot["requests"]
            assert (past["phase"], present["phase"]) == ("done", "streaming")
            assert past["changed"]
        gate.open()
        await response.read()


@pytest.mark.parametrize(
    ("content", "code"), [("error 1308", "1308"), ("error 1302", "1302"), ("error 1001", "1001")]
)
async def test_errors_come_with_their_hint(stack: Stack, content: str, code: str) -> None:
    async with reading(stack) as (reader, _):
        await stack.post(PATHS["messages"], ask(content))
        await reader.request("receiving")
        failed = await reader.request("failed")
    assert failed["error"]["code"] == code
    assert failed["error"]["hint"]
    assert ("until" in failed["error"]) is (code == "1308")


async def test_a_plan_that_is_used_up_is_told_until_when(stack: Stack) -> None:
    stack.script.replies.append(used_up(hours=2))
    ends = Ends(stack.app)
    for _ in range(2):  # z.ai refuses, then the gateway in its place
        await stack.post(PATHS["messages"], ask())
    await ends.reach(2)
    async with reading(stack) as (_, snapshot):
        for record in snapshot["requests"]:
            assert abs(record["error"]["until"] - record["began"] - 7_200) < 60


async def test_a_stream_that_breaks_has_failed_although_its_status_was_200(stack: Stack) -> None:
    gate = Gate()
    truncated = (DATA / "anthropic_stream_truncated_mid_text.sse").read_bytes()
    stack.script.replies.append(Reply.sse(truncated, gate, then="cut"))
    ends = Ends(stack.app)
    async with post(stack) as response:
        await response.content.readany()
        gate.open()
        await response.read()
    await ends.reach(1)
    async with reading(stack) as (_, snapshot):
        (record,) = snapshot["requests"]
    assert (record["status"], record["phase"]) == (200, "failed")
    assert record["error"]["code"].startswith("upstream_")


async def test_a_client_that_leaves_is_told_apart(stack: Stack) -> None:
    stack.script.replies.append(held(Gate()))
    async with reading(stack) as (reader, _):
        async with post(stack) as response:
            await response.content.readuntil(b"Hi")
        while (await reader.next())[1].get("phase") != "left":
            pass


async def test_counts_are_left_out_and_wrong_paths_are_not(stack: Stack) -> None:
    """Counting is noise; a wrong base URL is what a newcomer looks for."""
    ends = Ends(stack.app)
    await stack.post(COUNT, ask())
    await stack.post("/v1/responses", {})
    await stack.get("/favicon.ico")
    await ends.reach(2)
    async with reading(stack) as (_, snapshot):
        (record,) = snapshot["requests"]
    assert (record["path"], record["status"]) == ("/v1/responses", 404)


async def test_the_ring_is_bounded(stack: Stack) -> None:
    ends = Ends(stack.app)
    for number in range(RING + 5):
        await stack.post(f"/wrong/{number}", b"")
    await ends.reach(RING + 5)
    assert stack.app[FEED].kept == RING
    async with reading(stack) as (_, snapshot):
        assert len(snapshot["requests"]) == RING
        assert snapshot["requests"][-1]["path"] == f"/wrong/{RING + 4}"


async def test_what_is_remembered_is_small_and_quotes_nobody(stack: Stack) -> None:
    """A request may be of any length, so may its model's name; z.ai may quote any of it."""
    ends = Ends(stack.app)
    error = {"error": {"code": "1211", "message": f"no model canary-message {KEY}"}}
    stack.script.replies.append(Reply.json(error, 400))
    body = ask("canary-prompt", model="glm-" + "x" * 100_000, **{f"f{n}": n for n in range(500)})
    assert (await stack.post(PATHS["messages"], body)).status == 400
    await ends.reach(1)
    (entry,) = stack.app[FEED]._ring
    assert entry.seen.changes is not None
    remembered = repr(entry) + repr(entry.seen.changes.entries())
    assert "1211" in remembered
    assert len(remembered) < 20_000
    assert "canary" not in remembered
    assert KEY not in remembered


async def test_nothing_of_prompt_answer_or_key_is_told(stack: Stack) -> None:
    gates = [Gate(), Gate()]
    answer = held(gates[0])
    assert b"Hi" in b"".join(part for part in answer.chunks if isinstance(part, bytes))
    error = {"error": {"code": "1210", "message": f"canary-message {KEY}"}}
    stack.script.replies += [answer, Reply.json(error, 400)]
    ends = Ends(stack.app)
    async with reading(stack) as (reader, _):
        async with post(stack, content="canary-prompt", system="canary-system") as response:
            gates[0].open()
            await response.read()
        await stack.post(PATHS["chat"], ask("canary-prompt", metadata={"a": "canary-metadata"}))
        await stack.post(PATHS["chat"], b'{"messages": "canary-broken"')
        await stack.post(PATHS["chat"], {"messages": [{"role": "canary-role"}]})
        await ends.reach(4)
        while sum(data.get("status") is not None for _, data in reader.past) < 4:
            await reader.next()
    told = reader.raw.decode()
    assert '"1210"' in told
    assert KEY not in told
    assert "Hi" not in told
    assert "canary" not in told


async def test_it_is_guarded_like_the_api(start_stack: StackFactory) -> None:
    stack = await start_stack(gateway_key="secret")
    for path in ("/ui/events", "/ui/%65vents", "/ui/events/", "/ui//events", "/ui/./events"):
        async with stack.session.get(URL(stack.url + path, encoded=True)) as response:
            assert response.status == 401, path
    stranger = await stack.get("/ui/events", headers={"origin": "https://stranger.example"})
    assert stranger.status == 403
    async with reading(stack, **{"x-gateway-key": "secret"}):
        pass


def test_a_listener_that_does_not_read_is_owed_a_snapshot_instead() -> None:
    listener = Listener()
    listener.tell(b"before its snapshot")
    assert len(listener) == 0
    listener.needs_snapshot = False
    for number in range(QUEUE_LIMIT):
        listener.tell(b"%d" % number)
    assert not listener.needs_snapshot
    assert len(listener) == QUEUE_LIMIT
    listener.tell(b"one too many")
    assert listener.needs_snapshot
    assert len(listener) == 0


async def test_a_slow_reader_costs_no_memory_and_gets_up_to_date(stack: Stack) -> None:
    """It reads nothing while far more happens than sockets buffer; then the newest is there."""
    feed = stack.app[FEED]
    async with reading(stack) as (reader, _):
        (listener,) = feed._listeners
        big = Record(1, "x" * 60_000, 0.0, "tool", "/path", "chat", "waiting")
        for _ in range(2_000):
            feed._tell("request", big)
            await asyncio.sleep(0)
            assert len(listener) <= QUEUE_LIMIT
        while (await reader.next())[0] != "snapshot":
            pass
    assert [name for name, _ in reader.past].count("snapshot") == 2


async def test_a_reader_that_leaves_is_forgotten(
    start_stack: StackFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "TICK_SECONDS", 0.02)
    stack = await start_stack()
    feed = stack.app[FEED]
    async with reading(stack):
        assert len(feed) == 1
    await _until_alone(feed)
    async with reading(stack):
        assert len(feed) == 1, "the next one starts the ticker anew"


async def _until_alone(feed: Any) -> None:
    ticker = feed._ticker
    async with asyncio.timeout(WAIT_SECONDS):
        await ticker
    assert len(feed) == 0


@pytest.mark.parametrize("reads", [True, False])
async def test_a_stop_ends_it_at_once(reads: bool) -> None:
    """Also for one who does not read, and although live replies would have a minute."""
    runner = make_runner(Settings(drain_seconds=60.0))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/ui/events"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        await response.content.readuntil(b"\n\n")
        if not reads:
            for _ in range(200):
                runner.app[FEED]._tell("state", "x" * 60_000)
                await asyncio.sleep(0)
        async with asyncio.timeout(WAIT_SECONDS):
            await runner.cleanup()
    assert len(runner.app[FEED]) == 0


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("claude-cli/2.0.14 (external, cli)", "Claude Code 2.0.14"),
        ("RooCode/3.30.1", "Roo Code 3.30.1"),
        ("AsyncOpenAI/Python 1.99.0", "OpenAI SDK"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("opencode/v1.0.2 ai-sdk", "OpenCode 1.0.2"),
        ("<script>alert(1)</script>", "unknown tool"),
        ("x" * 500, "x" * 31),
        ("", "unknown tool"),
        ("名前/1", "unknown tool"),
    ],
)
def test_tools_are_named(told: str, shown: str) -> None:
    assert tool(told) == shown
