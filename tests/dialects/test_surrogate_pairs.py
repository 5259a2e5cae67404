"""Emoji cut between two deltas: both halves arrive, and join to the character again (row 9)."""

import json

import pytest
from dialogue import (
    CHAT_DONE,
    END,
    PAIRS,
    Pair,
    begin,
    call,
    chat,
    delta,
    finish,
    fold,
    hear,
    said,
    start,
    stop,
    text,
)

HALVES = ["a\ud83d", "\ude00b"]
CHAT_STREAM = [
    chat({"reasoning_content": HALVES[0]}),
    chat({"reasoning_content": HALVES[1]}),
    chat({"content": HALVES[0]}),
    chat({"content": HALVES[1]}),
    chat(call(0, '{"a":"\ud83d', "f", id="i")),
    chat(call(0, '\ude00"}')),
    chat({"content": ""}, "tool_calls"),
    CHAT_DONE,
]
MESSAGES_STREAM = [
    begin(),
    start(0, {"type": "thinking", "thinking": ""}),
    delta(0, "thinking_delta", "thinking", HALVES[0]),
    delta(0, "thinking_delta", "thinking", HALVES[1]),
    stop(0),
    start(1, {"type": "text", "text": ""}),
    text(1, HALVES[0]),
    text(1, HALVES[1]),
    stop(1),
    start(2, {"type": "tool_use", "id": "i", "name": "f", "input": {}}),
    delta(2, "input_json_delta", "partial_json", '{"a":"\ud83d'),
    delta(2, "input_json_delta", "partial_json", '\ude00"}'),
    stop(2),
    finish("tool_use", output_tokens=1),
    END,
]


@pytest.mark.parametrize("pair", PAIRS)
def test_a09_both_halves_arrive(pair: Pair) -> None:
    stream = CHAT_STREAM if pair[1] == "openai" else MESSAGES_STREAM
    heard = hear(pair, *stream)
    assert heard.phase == "ended"
    body = fold(pair[0], heard.out)
    if pair[0] == "chat":
        message = body["choices"][0]["message"]
        assert message["reasoning_content"] == message["content"] == "a😀b"
        assert json.loads(message["tool_calls"][0]["function"]["arguments"]) == {"a": "😀"}
    else:
        thinking, words, use = body["content"]
        assert thinking["thinking"] == words["text"] == "a😀b"
        assert use["input"] == {"a": "😀"}


@pytest.mark.parametrize("pair", PAIRS)
def test_a09_a_half_that_stays_alone_breaks_nothing(pair: Pair) -> None:
    stream = {
        "openai": [chat({"content": "x\ud83d"}), chat({"content": "y\udead"}, "stop"), CHAT_DONE],
        "anthropic": [begin(), text(0, "x\ud83d"), stop(0), finish("end_turn"), END],
    }[pair[1]]
    heard = hear(pair, *stream)
    assert heard.phase == "ended"
    assert said(heard.out)
    assert "x\\ufffd" in json.dumps(fold(pair[0], heard.out))
