"""`replay --as`: the same upstream answer as a client of the other dialect would get it."""

import asyncio
import json
from pathlib import Path

import pytest
from recording_talk import PAIRS, PATHS, TOOLS, ask, recording, replayed

from proxy.errors import DialectName
from proxy.routing import EndpointName

OTHER: dict[DialectName, DialectName] = {"messages": "chat", "chat": "messages"}
ENDS = {"messages": 'data: {"type":"message_stop"}', "chat": "data: [DONE]"}


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_it_is_what_such_a_client_gets(
    tmp_path: Path,
    dialect: DialectName,
    endpoint: EndpointName,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """But for the counts, which keep the recorded scale, and what has an id or a time."""
    other = OTHER[dialect]
    async with recording(tmp_path, token_scaling="off") as recorded:
        body = ask(endpoint, "think and use get_weather", stream=True, tools=TOOLS[dialect])
        await recorded.stack.post(PATHS[dialect], body)
    assert await asyncio.to_thread(replayed, recorded.file, "--as", other) == 0
    told = capsys.readouterr().out
    assert "get_weather" in told
    assert ENDS[other] in told
    assert ENDS[dialect] not in told
    assert told.endswith("\n\n")
    assert await asyncio.to_thread(replayed, recorded.file, "--as", dialect) == 0
    assert ENDS[dialect] in capsys.readouterr().out


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_whole_answers_and_errors(
    tmp_path: Path,
    dialect: DialectName,
    endpoint: EndpointName,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with recording(tmp_path) as recorded:
        await recorded.stack.post(PATHS[dialect], ask(endpoint))
        await recorded.stack.post(PATHS[dialect], ask(endpoint, "error 1302"))
    told = []
    for file in recorded.files:
        assert await asyncio.to_thread(replayed, file, "--as", OTHER[dialect], "--json") == 0
        told.append(json.loads(capsys.readouterr().out))
    answer, error = (json.loads(each["body"]) for each in told)
    assert [each["status"] for each in told] == [200, 429]
    assert ("choices" in answer) == (OTHER[dialect] == "chat")
    assert (error.get("type") == "error") == (OTHER[dialect] == "messages")
    assert error["error"]["code"] == "1302"
