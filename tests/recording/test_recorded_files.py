"""What is in the directory: whose it is, how much, no secrets; and no harm if it cannot be."""

import asyncio
import json
import logging
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import KEY, StackFactory
from recording_talk import DIALECTS, PAIRS, PATHS, ask, recording, replayed

from proxy import Settings
from proxy.context import OBSERVATION, OBSERVERS, RECORDING
from proxy.errors import DialectName
from proxy.handlers.client_stream import ClientStream
from proxy.middlewares import record as layer
from proxy.recording.directory import Directory, file_name
from proxy.recording.recorder import RECORDER
from proxy.recording.recording import Recording
from proxy.recording.tape import load
from proxy.routing import EndpointName
from proxy.simulator import Reply

CANARY = "0123456789abcdef0123456789abcdef.Canary0123456789"
GATEWAY_KEY = "gateway-canary"
SERVER_KEY = "server-canary-key"
SECRETS = (CANARY, GATEWAY_KEY, SERVER_KEY, "alice", "session-cookie")


def headers(key: str = CANARY) -> dict[str, str]:
    return {
        "authorization": f"Bearer {key}",
        "x-api-key": CANARY,
        "x-gateway-key": GATEWAY_KEY,
        "cookie": "session-cookie=1",
        "user-agent": f"tool/1 (/home/alice/bin {CANARY})",
        "anthropic-beta": f"x-{SERVER_KEY}",
    }


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_no_secret_is_in_it(
    tmp_path: Path, dialect: DialectName, endpoint: EndpointName, stream: bool
) -> None:
    """In the prompt, in the answer (which repeats it), in errors, in headers, in the path."""
    said = (
        f"see /home/alice/x {CANARY} {GATEWAY_KEY} {SERVER_KEY} C:\\Users\\alice session-cookie=1"
    )
    error = {"error": {"code": "1210", "message": said}}
    settings = {"gateway_key": GATEWAY_KEY, "server_api_key": SERVER_KEY}
    async with recording(tmp_path, **settings) as recorded:
        stack = recorded.stack
        stack.script.replies.append(Reply.json(error, 400, {"x-request-id": CANARY}))
        for number in range(3):
            path = f"{PATHS[dialect]}?key={CANARY}"
            body = ask(endpoint, said, stream=stream, user=said)
            response = await stack.post(
                path, body, headers={**headers(), "x-request-id": f"{number}.{CANARY}"}
            )
            assert response.status == (200 if number else 400)
    for file in recorded.files:
        assert not any(secret in file.read_text() + file.name for secret in SECRETS)
        assert "see /home/" in file.read_text()
        assert load(file).header.redacted


async def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "recordings"
    before = os.umask(0)
    try:
        async with recording(directory) as recorded:
            await recorded.stack.post(PATHS["chat"], ask())
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(recorded.file.stat().st_mode) == 0o600
    assert recorded.file.name.startswith("recording-2")


async def test_each_line_is_json_and_says_what_it_is(tmp_path: Path) -> None:
    async with recording(tmp_path) as recorded:
        response = await recorded.stack.post(PATHS["messages"], ask("openai", stream=True))
        told = await response.text()
    lines = [json.loads(line) for line in recorded.text.splitlines()]
    kinds = [line["line"] for line in lines]
    assert kinds[:4] == ["recording", "request", "attempt", "response"]
    assert kinds[-1] == "end"
    assert "".join(line["data"] for line in lines if line["line"] == "write") == told
    assert json.loads(lines[1]["data"])["messages"] == ask()["messages"]
    assert json.loads(lines[2]["data"])["stream_options"] == {"include_usage": True}
    times = [line["at"] for line in lines if "at" in line]
    assert times == sorted(times)
    assert response.headers["x-request-id"] == lines[0]["request_id"]
    assert response.headers["x-request-id"] in recorded.file.name


async def test_what_is_no_generation_is_not_recorded(tmp_path: Path) -> None:
    async with recording(tmp_path, gateway_key=GATEWAY_KEY) as recorded:
        stack = recorded.stack
        await stack.get("/health")
        await stack.post("/v1/messages/count_tokens", ask(), headers=headers())
        await stack.post(PATHS["chat"], ask())
    assert recorded.files == []


async def test_nothing_is_different_while_it_is_off(
    start_stack: StackFactory,
) -> None:
    stack = await start_stack()
    assert stack.app.middlewares.count(layer.record) == 0
    assert RECORDER not in stack.app
    streams: list[object] = []
    look = Mock()
    look.finished.side_effect = lambda request, *_: streams.append(request[OBSERVATION].stream)
    stack.app[OBSERVERS].append(look)
    assert (await stack.post(PATHS["chat"], ask(stream=True))).status == 200
    request = look.started.call_args.args[0]
    assert RECORDING not in request
    assert [type(stream) for stream in streams] == [ClientStream]


@pytest.mark.parametrize("limit", [100, 1_000, 3_000, 6_000, 9_000])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_one_that_gets_too_large_is_cut_and_says_so(
    tmp_path: Path,
    dialect: DialectName,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: int,
) -> None:
    monkeypatch.setattr(layer, "Recording", lambda: Recording(limit))
    async with recording(tmp_path) as recorded:
        body = ask(content="count to 90", stream=True)
        response = await recorded.stack.post(PATHS[dialect], body)
    assert " 90" in await response.text()
    lines = [json.loads(line) for line in recorded.text.splitlines()]
    assert [line["line"] for line in lines].count("cut") == 1
    assert [line["line"] for line in lines][-2:] == ["cut", "end"]
    assert lines[-1]["status"] == 200
    assert len(recorded.text) < 2 * limit + 2_000
    assert await asyncio.to_thread(replayed, recorded.file) == 0
    assert "was cut" in capsys.readouterr().out


def test_the_directory_keeps_the_newest(tmp_path: Path) -> None:
    stranger = tmp_path / "notes.jsonl"
    stranger.write_text("mine")
    directory = Directory(tmp_path, files=3, size=1_000)
    names = [file_name(datetime(2026, 1, 1, 0, 0, n, tzinfo=UTC), f"r{n}") for n in range(9)]

    def kept() -> list[str]:
        return sorted(path.name for path in tmp_path.iterdir() if path != stranger)

    for name in names[:5]:
        directory.write(name, [b"x" * 99])
    assert kept() == names[2:5]
    directory.write(names[5], [b"x" * 850])
    assert kept() == names[4:6]
    directory.write(names[6], [b"x" * 2_000])
    assert kept() == []
    assert stranger.read_text() == "mine"


def test_what_cannot_be_written_whole_is_not_left_behind(tmp_path: Path) -> None:
    def lines() -> Any:
        yield b"first"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Directory(tmp_path).write("recording-x", lines())
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_that_cannot_be_written_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.ERROR):
        async with recording(blocked / "below") as recorded:
            for _ in range(3):
                response = await recorded.stack.post(PATHS["chat"], ask(stream=True))
                assert response.status == 200
                assert "[DONE]" in await response.text()
    lost = [line for line in caplog.records if line.name == "proxy.recording"]
    assert [line.message for line in lost] == ["a recording is lost"]


async def test_the_log_says_that_it_is_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with recording(tmp_path):
            pass
    (line,) = (line for line in caplog.records if line.name == "proxy.recording")
    assert "RECORD_DIR" in line.message
    assert "prompts" in line.message


async def test_a_home_in_the_setting_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with recording(Path("~") / "recordings") as recorded:
        await recorded.stack.post(PATHS["chat"], ask())
    assert Settings().record_dir == ""
    assert len(list((tmp_path / "recordings").iterdir())) == 1
    assert KEY not in next((tmp_path / "recordings").iterdir()).read_text()
