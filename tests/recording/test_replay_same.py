"""What was recorded, replayed by the same version: nothing is different, whatever it was."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import DATA
from recording_talk import (
    DIALECTS,
    ENDPOINTS,
    HEADERS,
    PAIRS,
    PATHS,
    TOOLS,
    ask,
    recording,
    replayed,
)

from proxy import app
from proxy.errors import DialectName
from proxy.recording.tape import load
from proxy.routing import EndpointName
from proxy.simulator import Gate, Reply
from proxy.simulator.script import Step
from proxy.watchdog import Watchdog

PROMPTS = ("Hello", "think and count to 5", "use get_weather", "overflow", "error 1302", "cut")
STREAMS = {
    "openai": "openai_stream_reasoning.sse",
    "anthropic": "anthropic_stream_tool_use_inferred.sse",
}
FIXTURES = sorted(
    file
    for file in DATA.iterdir()
    if file.name.startswith(("anthropic_stream", "anthropic_nonstream", "openai_stream"))
    or file.name.startswith(("anthropic_error", "openai_error", "openai_nonstream", "http200"))
)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_every_kind_of_answer(
    tmp_path: Path, dialect: DialectName, endpoint: EndpointName, prompt: str, stream: bool
) -> None:
    body = ask(endpoint, prompt, stream=stream, tools=TOOLS[dialect])
    async with recording(tmp_path) as recorded:
        await recorded.stack.post(PATHS[dialect], body)
    assert await asyncio.to_thread(replayed, recorded.file) == 0


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.name)
async def test_every_payload_that_was_seen_in_both_dialects(tmp_path: Path, file: Path) -> None:
    endpoint = "openai" if file.name.startswith("openai") else "anthropic"
    known = file.name.split("_error_")[-1][:3]
    status = int(known) if "_error_" in file.name and known.isdigit() else 200
    async with recording(tmp_path) as recorded:
        for dialect in DIALECTS:
            for stream in (True, False):
                recorded.stack.script.replies.append(Reply.from_file(file, status))
                body = ask(endpoint, stream=stream, tools=TOOLS[dialect])
                await recorded.stack.post(PATHS[dialect], body)
                recorded.stack.script.replies.clear()
    assert len(recorded.files) == 4
    for each in recorded.files:
        assert await asyncio.to_thread(replayed, each) == 0


@pytest.mark.parametrize("body", [b"{", b'{"messages": 1}', b'{"model": "x"}'])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_request_that_the_gateway_refuses(
    tmp_path: Path, dialect: DialectName, body: bytes
) -> None:
    async with recording(tmp_path) as recorded:
        response = await recorded.stack.post(PATHS[dialect], body)
    assert response.status == 400
    assert load(recorded.file).attempts == []
    assert await asyncio.to_thread(replayed, recorded.file) == 0


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_attempts_that_were_refused_first(tmp_path: Path, endpoint: EndpointName) -> None:
    """Retried, and then tried without what the model refuses."""
    async with recording(tmp_path, retry_seconds=5.0) as recorded:
        refusals = ({"code": "1305", "message": "Busy"}, {"code": "1210", "message": "Bad"})
        recorded.stack.script.replies.extend(Reply.json({"error": e}, 400) for e in refusals)
        choice = {"type": "tool", "name": "get_weather"}
        body = ask(endpoint, stream=True, tools=TOOLS["messages"], tool_choice=choice)
        response = await recorded.stack.post(PATHS["messages"], body)
    assert response.status == 200
    attempts = load(recorded.file).attempts
    assert [each.response.status for each in attempts if each.response] == [400, 400, 200]
    assert attempts[0].body == attempts[1].body != attempts[2].body
    assert await asyncio.to_thread(replayed, recorded.file) == 0


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a_client_that_left(
    tmp_path: Path,
    dialect: DialectName,
    endpoint: EndpointName,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The upstream's answer stops there as well, which is no failure of it."""
    async with recording(tmp_path) as recorded:
        stack, gate = recorded.stack, Gate()
        raw = (DATA / STREAMS[endpoint]).read_bytes()
        middle = raw.index(b"\n\n", len(raw) // 2) + 2
        stack.script.replies.append(Reply.sse(raw[:middle], gate, raw[middle:]))
        url = stack.url + PATHS[dialect]
        async with stack.session.post(url, json=ask(endpoint, stream=True), headers=HEADERS) as got:
            await got.content.readany()
            got.close()
        await asyncio.wait_for(stack.script.gone.reach(1), 10)
    tape = load(recorded.file)
    assert (tape.end.outcome, tape.end.status) == ("client_left", 499)
    assert tape.told
    assert tape.attempts[0].end is None
    assert await asyncio.to_thread(replayed, recorded.file) == 0
    capsys.readouterr()
    assert await asyncio.to_thread(replayed, recorded.file, "--as", dialect) == 0
    assert capsys.readouterr().out.encode() == tape.told.body


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_limit_that_was_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: DialectName, begun: bool
) -> None:
    """The gateway's own clock ends the reply: in the stream, or as a status."""
    monkeypatch.setattr(app, "Watchdog", lambda: Watchdog(0.02))
    limits = {"upstream_idle_seconds": 0.2, "first_event_seconds": 0.2}
    async with recording(tmp_path, **limits) as recorded:
        raw = (DATA / "anthropic_stream_tool_use_inferred.sse").read_bytes()
        first = raw[: raw.index(b"\n\n", len(raw) // 2) + 2] if begun else b": nothing\n\n"
        recorded.stack.script.replies.append(Reply.sse(first, then="stall"))
        response = await recorded.stack.post(PATHS[dialect], ask(stream=True))
    assert response.status == (200 if begun else 504)
    assert load(recorded.file).end.outcome == "error"
    assert await asyncio.to_thread(replayed, recorded.file) == 0


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_was_written_by_the_clock_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialect: DialectName
) -> None:
    """A comment commits the stream before its first event; then the upstream refuses."""
    monkeypatch.setattr(app, "Watchdog", lambda: Watchdog(0.02))
    async with recording(tmp_path, hold_seconds=0.0) as recorded:
        stack, gate = recorded.stack, Gate()
        raw = (DATA / "anthropic_stream_error_200_event.sse").read_bytes()
        stack.script.replies.append(Reply.sse(gate, raw))
        url = stack.url + PATHS[dialect]
        async with stack.session.post(url, json=ask(stream=True), headers=HEADERS) as got:
            assert (await got.content.readany()).startswith(b":")
            gate.open()
            await got.read()
    assert '"keep_alive":true' in recorded.text
    assert await asyncio.to_thread(replayed, recorded.file) == 0


async def test_an_upstream_that_cannot_be_reached(tmp_path: Path) -> None:
    async with recording(tmp_path, upstream_base="http://127.0.0.1:9") as recorded:
        response = await recorded.stack.post(PATHS["chat"], ask(stream=True))
    assert response.status == 502
    (attempt,) = load(recorded.file).attempts
    assert attempt.response is None
    assert await asyncio.to_thread(replayed, recorded.file) == 0


async def test_chunks_are_those_that_came(tmp_path: Path) -> None:
    """Byte for byte, cut where the upstream cut them, and what the client got."""
    text = '{"type":"text_delta","text":"Grüße"}'
    delta = f'data: {{"type":"content_block_delta","index":0,"delta":{text}}}\n\n'.encode()
    raw = (DATA / "anthropic_stream_text_thinking_2026_09.sse").read_bytes()
    at = raw.index(b"event: content_block_stop")
    raw = raw[:at] + 4 * delta + raw[at:]
    cut = at + delta.index("ü".encode()) + 1
    gates = [Gate(), Gate(), Gate()]
    ends = [0, at + 10, cut + len(delta), cut + 2 * len(delta), len(raw)]
    cuts: list[bytes] = [raw[begin:end] for begin, end in pairwise(ends)]
    held = zip(gates, cuts[1:], strict=True)
    steps: list[Step] = [cuts[0], *(step for pair in held for step in pair)]
    async with recording(tmp_path) as recorded:
        stack = recorded.stack
        stack.script.replies.append(Reply.sse(*steps))
        url, body = stack.url + PATHS["messages"], ask(stream=True)
        got = b""
        async with stack.session.post(url, json=body, headers=HEADERS) as response:
            for gate in gates:
                got += await response.content.readany()  # so the chunk before the gate is read
                gate.open()
            got += await response.read()
    tape = load(recorded.file)
    assert tape.told
    assert tape.told.body == got
    assert tape.attempts[0].chunks == cuts
    assert recorded.text.count('"base64"') == 3
    assert await asyncio.to_thread(replayed, recorded.file) == 0
