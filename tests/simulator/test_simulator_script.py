"""Replies queued by a test: what is sent, when, and what the script tells of it."""

import asyncio
import json
import socket
from pathlib import Path

import aiohttp
import pytest
from simulator_talk import BOTH, KEY, SAFETY_NET, Talk, question, talking

from proxy.simulator import Gate, Pause, Reply, Script, serve_simulator
from proxy.simulator.turn import EndpointName

DATA = Path(__file__).parents[1] / "data"
RECORDED = sorted(path for path in DATA.iterdir() if path.suffix in {".json", ".sse"})


@pytest.mark.parametrize("endpoint", BOTH)
async def test_queued_replies_are_played_in_order_then_the_prompt_decides(
    endpoint: EndpointName,
) -> None:
    script = Script()
    script.replies += [Reply.json({"first": 1}, 503), Reply.sse(b"data: two\n\n")]
    async with talking(script) as talk:
        first, second, third = [await talk.ask(endpoint, "count to 1") for _ in range(3)]
    assert (first.status, first.json) == (503, {"first": 1})
    assert (second.status, second.raw) == (200, b"data: two\n\n")
    assert second.headers["Content-Type"] == "text/event-stream;charset=UTF-8"
    assert len(third.events) > 1


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
async def test_a_recorded_body_is_sent_byte_for_byte(path: Path) -> None:
    script, recorded = Script(), Reply.from_file(path, 418)
    script.replies.append(recorded)
    async with talking(script) as talk:
        answered = await talk.ask("openai", "anything")
    assert (answered.raw,) == recorded.chunks
    assert answered.status == 418
    streams = answered.headers["Content-Type"].startswith("text/event-stream")
    assert streams == (path.suffix == ".sse")


def test_a_file_is_read_whole() -> None:
    assert [Reply.from_file(path).chunks for path in RECORDED] == [
        (path.read_bytes(),) for path in RECORDED
    ]


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        Reply.from_file(Path("notes.txt"))


async def test_requests_are_recorded_with_headers_and_decoded_body() -> None:
    async with talking() as talk:
        await talk.request("POST", talk.url("anthropic") + "?beta=true", json={"a": 1}, headers=KEY)
        await talk.request("POST", talk.url("openai"), data=b"{not json", headers=KEY)
        await talk.request("GET", talk.address.payg_base + "/models", headers={"X-Mark": "here"})
    first, second, third = talk.script.requests
    assert (first.endpoint, first.path) == ("anthropic", "/api/anthropic/v1/messages")
    assert (first.method, first.query, first.body) == ("POST", "beta=true", {"a": 1})
    assert first.headers["authorization"] == "Bearer some-key"
    assert (second.endpoint, second.body) == ("openai", b"{not json")
    assert (third.endpoint, third.path) == ("openai", "/api/paas/v4/models")
    assert (third.method, third.headers["X-Mark"], third.body) == ("GET", "here", b"")


async def test_a_body_of_many_mebibytes_is_taken() -> None:
    async with talking() as talk:
        answered = await talk.ask("openai", "x" * (5 << 20))
    assert answered.status == 200


async def test_a_gate_holds_the_reply_between_two_chunks() -> None:
    script, gate = Script(), Gate()
    script.replies.append(Reply.sse(b"data: one\n\n", gate, b"data: two\n\n"))
    async with talking(script) as talk, _post(talk) as response:
        assert await response.content.readany() == b"data: one\n\n"
        await gate.reached()
        held = asyncio.ensure_future(response.content.readany())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not held.done()
        gate.open()
        assert await held == b"data: two\n\n"
        assert await response.content.read() == b""


async def test_headers_are_sent_before_the_first_chunk() -> None:
    script, gate = Script(), Gate()
    script.replies.append(Reply.sse(gate, b"data: late\n\n"))
    async with talking(script) as talk, _post(talk) as response:
        assert response.status == 200
        gate.open()
        assert await response.read() == b"data: late\n\n"


async def test_a_pause_lets_the_reply_go_on() -> None:
    script = Script()
    script.replies.append(Reply.sse(b"a", Pause(0), b"b"))
    async with talking(script) as talk:
        assert (await talk.ask("openai", "")).raw == b"ab"


async def test_a_cut_reply_delivers_its_bytes_and_no_end() -> None:
    script = Script()
    sent = b"data: " + b"x" * 300_000
    script.replies.append(Reply.sse(sent, then="cut"))
    got = bytearray()
    async with talking(script) as talk, _post(talk) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await _read_into(got, response)
    assert bytes(got) == sent
    assert script.gone.count == 0


async def test_a_stalled_reply_lasts_until_the_client_leaves() -> None:
    script = Script()
    script.replies.append(Reply.sse(b"data: one\n\n", then="stall"))
    async with talking(script) as talk:
        async with _post(talk) as response:
            assert await response.content.readany() == b"data: one\n\n"
            assert script.gone.count == 0
            response.close()
        await script.gone.reach(1)
    assert script.gone.count == 1


async def test_a_client_that_leaves_at_a_gate_is_gone() -> None:
    script, gate = Script(), Gate()
    script.replies.append(Reply.sse(gate))
    async with talking(script) as talk:
        async with _post(talk) as response:
            await gate.reached()
            response.close()
        await script.gone.reach(1)


async def test_a_client_that_leaves_amid_much_data_is_gone() -> None:
    script = Script()
    script.replies.append(Reply.sse(*[b"x" * 100_000] * 500))
    async with talking(script) as talk:
        async with _post(talk) as response:
            await response.content.readany()
            response.close()
        await script.gone.reach(1)


async def test_arrivals_can_be_awaited() -> None:
    async with talking() as talk:
        asking = asyncio.gather(*(talk.ask("openai", "hello") for _ in range(3)))
        await talk.script.arrived.reach(3)
        assert len(talk.script.requests) == 3
        await asking


async def test_a_shutdown_does_not_wait_for_a_stalled_reply() -> None:
    script = Script()
    script.replies.append(Reply(then="stall"))
    async with asyncio.timeout(SAFETY_NET), aiohttp.ClientSession() as session:
        async with serve_simulator(script) as address:
            response = await session.post(address.openai_base + "/chat/completions", json={})
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert script.gone.count == 0


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 here")
async def test_a_simulator_listens_on_ipv6_and_a_given_port(unused_tcp_port: int) -> None:
    async with (
        serve_simulator(host="::1", port=unused_tcp_port) as address,
        aiohttp.ClientSession() as session,
        session.get(address.openai_base + "/models", headers=KEY) as response,
    ):
        assert address.origin == f"http://[::1]:{unused_tcp_port}"
        assert json.loads(await response.read())["object"] == "list"


async def test_two_simulators_share_nothing() -> None:
    async with talking() as one, talking() as other:
        await one.ask("openai", "hello")
    assert (len(one.script.requests), len(other.script.requests)) == (1, 0)


def _post(talk: Talk) -> aiohttp.client._RequestContextManager:
    return talk.session.post(talk.url("openai"), json=question("hello"), headers=KEY)


async def _read_into(got: bytearray, response: aiohttp.ClientResponse) -> None:
    async for chunk in response.content.iter_any():
        got += chunk
