"""Without its secrets a recording is still the same conversation: a replay shows no difference."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY
from recording_talk import PAIRS, PATHS, TOOLS, ask, recording, replayed

from proxy.errors import DialectName
from proxy.recording.redaction import joined_texts
from proxy.recording.tape import load
from proxy.routing import EndpointName
from proxy.simulator import Reply

CANARY = "0123456789abcdef0123456789abcdef.Canary0123456789"
PATH = 'C:\\Users\\alice\\new "x"'
SAID = f"**Users**\nsee /home/alice/x, {PATH}, {CANARY} and {KEY}.\n"
ARGUMENTS = json.dumps({"city": f"Users\nin {PATH} or /home/alice/y"})
SECRETS = ("alice", CANARY, KEY)


def frame(value: dict[str, Any]) -> bytes:
    name = f"event: {value['type']}\n" if "type" in value else ""
    return f"{name}data: {json.dumps(value)}\n\n".encode()


def pieces(text: str) -> list[str]:
    return [text[at : at + 5] for at in range(0, len(text), 5)]


def messages_answer() -> list[bytes]:
    head = {"id": "m", "type": "message", "role": "assistant", "model": "glm-4.5", "content": []}
    tool = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {}}
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**head, "usage": {"input_tokens": 0}}},
    ]
    for index, (block, kind, member, text) in enumerate(
        (
            ({"type": "thinking", "thinking": ""}, "thinking_delta", "thinking", SAID),
            ({"type": "text", "text": ""}, "text_delta", "text", SAID),
            (tool, "input_json_delta", "partial_json", ARGUMENTS),
        )
    ):
        told.append({"type": "content_block_start", "index": index, "content_block": block})
        told += (
            {
                "type": "content_block_delta",
                "index": index,
                "delta": {"type": kind, member: piece},
            }
            for piece in pieces(text)
        )
        told.append({"type": "content_block_stop", "index": index})
    usage = {"input_tokens": 9, "output_tokens": 9}
    told.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage})
    return [frame(value) for value in [*told, {"type": "message_stop"}]]


def chat_answer() -> list[bytes]:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant"},
        *({"reasoning_content": piece} for piece in pieces(SAID)),
        *({"content": piece} for piece in pieces(SAID)),
    ]
    call = {"index": 0, "id": "call_1", "type": "function"}
    for number, piece in enumerate(pieces(ARGUMENTS)):
        function = {"arguments": piece} if number else {"name": "get_weather", "arguments": piece}
        told = {"index": 0, "function": function}
        deltas.append({"tool_calls": [told if number else {**call, **told}]})
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "glm-4.5"}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    last = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    return [
        *(frame({**head, "choices": [{"index": 0, "delta": delta}]}) for delta in deltas),
        frame({**head, "choices": [last], "usage": usage}),
        b"data: [DONE]\n\n",
    ]


ANSWERS = {"anthropic": messages_answer, "openai": chat_answer}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_what_a_model_repeats_piece_by_piece(
    tmp_path: Path, dialect: DialectName, endpoint: EndpointName, stream: bool
) -> None:
    async with recording(tmp_path, server_api_key=CANARY) as recorded:
        recorded.stack.script.replies.append(Reply.sse(*ANSWERS[endpoint]()))
        body = ask(endpoint, SAID, stream=stream, tools=TOOLS[dialect])
        response = await recorded.stack.post(PATHS[dialect], body)
        assert response.status == 200
        said = joined_texts([await response.read()]).decode()
    assert all(secret in said for secret in SECRETS)
    tape = load(recorded.file)
    assert tape.told
    for streamed in (tape.attempts[0].chunks, [tape.told.body]):
        left = joined_texts(streamed).decode()
        assert len(left) > 3 * len(SAID)
        assert not any(secret in left for secret in SECRETS)
    assert not any(secret in recorded.text for secret in SECRETS)
    assert await asyncio.to_thread(replayed, recorded.file) == 0


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a_refusal_that_repeats_the_key(
    tmp_path: Path, dialect: DialectName, endpoint: EndpointName
) -> None:
    async with recording(tmp_path, server_api_key=CANARY) as recorded:
        error = {"error": {"code": "1002", "message": f"Invalid {SAID}"}}
        recorded.stack.script.replies.append(Reply.json(error, 401))
        response = await recorded.stack.post(PATHS[dialect], ask(endpoint, stream=True))
        assert response.status == 401
    assert not any(secret in recorded.text for secret in SECRETS)
    assert await asyncio.to_thread(replayed, recorded.file) == 0
