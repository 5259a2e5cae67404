"""What changed since a recording was made is shown: in the request, in the reply, by exit code."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from recording_talk import DIALECTS, PAIRS, PATHS, ask, recording, replayed

from proxy.dialects import registry
from proxy.dialects.chat.relay import ChatRelay
from proxy.dialects.messages.relay import MessagesRelay
from proxy.dialects.translation import Translation
from proxy.dialects.zai import Json
from proxy.errors import DialectName
from proxy.recording import replay
from proxy.routing import EndpointName

Breakable = type[ChatRelay] | type[MessagesRelay] | type[Translation]
TRANSCODERS: dict[tuple[str, str], Breakable] = {
    ("messages", "anthropic"): MessagesRelay,
    ("chat", "openai"): ChatRelay,
    ("chat", "anthropic"): Translation,
    ("messages", "openai"): Translation,
}


async def record(directory: Path, dialect: DialectName, endpoint: str, **more: Any) -> Path:
    async with recording(directory) as recorded:
        body = ask(endpoint, "think and count to 9", **more)
        await recorded.stack.post(PATHS[dialect], body)
    return recorded.file


@pytest.fixture(params=PAIRS, ids="-".join)
async def recorded(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[DialectName, EndpointName, Path]:
    dialect, endpoint = request.param
    return dialect, endpoint, await record(tmp_path, dialect, endpoint, stream=True)


Recorded = tuple[DialectName, EndpointName, Path]


def test_a_transcoder_that_loses_a_frame(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dialect, endpoint, file = recorded
    broken = TRANSCODERS[dialect, endpoint]
    whole = broken._run

    def lose_one(self: Any, run: bytes) -> bytes:
        frames = whole(self, run).split(b"\n\n")
        return b"\n\n".join(frame for frame in frames if b'" 7"' not in frame)

    monkeypatch.setattr(broken, "_run", lose_one)
    assert replayed(file) == 1
    told = capsys.readouterr().out
    assert "request: same" in told
    assert "reply: different" in told
    assert sum(line.startswith("-") and '" 7"' in line for line in told.splitlines()) == 1
    assert not [line for line in told.splitlines() if line.startswith("+") and "+++" not in line]


def test_a_space_is_a_difference_too(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that a reader of events would never see."""
    dialect, endpoint, file = recorded
    broken = TRANSCODERS[dialect, endpoint]
    whole = broken._run
    monkeypatch.setattr(
        broken, "_run", lambda self, run: whole(self, run).replace(b"data: ", b"data:  ")
    )
    assert replayed(file) == 1
    assert "reply: different" in capsys.readouterr().out


def test_a_request_that_is_translated_otherwise(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _dialect, _endpoint, file = recorded
    today = registry.upstream_request

    def translated(*arguments: Any) -> Json:
        return {**today(*arguments), "max_tokens": 7}

    monkeypatch.setattr(replay, "upstream_request", translated)
    assert replayed(file, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["reply"] == []
    assert '+  "max_tokens": 7,' in told["request"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_whole_answer_is_compared_field_by_field(
    tmp_path: Path, dialect: DialectName, capsys: pytest.CaptureFixture[str]
) -> None:
    file = await record(tmp_path, dialect, "anthropic")
    changed = tmp_path / "changed.jsonl"
    lines = file.read_text().splitlines()
    (at,) = (number for number, line in enumerate(lines) if '"line":"answer"' in line)
    lines[at] = lines[at].replace("6 7 8", "6 x 8")
    changed.write_text("\n".join(lines))
    assert await asyncio.to_thread(replayed, file) == 0
    assert await asyncio.to_thread(replayed, changed) == 1
    told = capsys.readouterr().out.splitlines()
    assert len([line for line in told if line.startswith("-") and "6 x 8" in line]) == 1
    assert len([line for line in told if line.startswith("+") and "6 7 8" in line]) == 1


@pytest.mark.parametrize(
    "text",
    ["", "{}", "no JSON", '{"line":"recording"}', '{"line":"end","at":1,"status":200}', "\udc80"],
)
def test_what_is_no_recording(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.jsonl"
    file.write_text(text, errors="surrogateescape")
    assert replayed(file) == 2
    assert str(file) in capsys.readouterr().out
    assert replayed(tmp_path / "missing.jsonl", "--json") == 2
    assert "missing.jsonl" in json.loads(capsys.readouterr().out)["error"]


def test_half_a_recording(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    _dialect, _endpoint, file = recorded
    lines = file.read_text().splitlines(keepends=True)
    for half in (lines[:-1], lines[1:], [lines[0], lines[-1]], [*lines[:-1], lines[-1][:20]]):
        file.write_text("".join(half))
        assert replayed(file) == 2
        assert "Traceback" not in capsys.readouterr().out
