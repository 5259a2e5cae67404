"""Non-streaming answers: the fold of a stream, and the stream that a whole answer would have been.

A JSON answer of the upstream, unfolded, relayed, folded again, is itself but for model and usage.
"""

import json
from typing import Any

import pytest
from dialogue import (
    ASKED,
    CHAT_DONE,
    DATA,
    END,
    UNHURRIED,
    Json,
    Pair,
    begin,
    call,
    chat,
    delta,
    event,
    finish,
    fold,
    hear,
    start,
    stop,
    text,
)
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.registry import ENDPOINTS

RELAYS: dict[str, Pair] = {"anthropic": ("messages", "anthropic"), "openai": ("chat", "openai")}
CROSS: dict[str, Pair] = {"anthropic": ("chat", "anthropic"), "openai": ("messages", "openai")}


def sample(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def again(pair: Pair, body: Json) -> Any:
    """What a non-streaming client gets for an upstream's JSON answer."""
    heard = hear(pair, ENDPOINTS[pair[1]].unfold(body))
    assert heard.phase == "ended"
    return fold(pair[0], heard.out)


MESSAGES = [
    "anthropic_nonstream_text",
    "anthropic_nonstream_thinking_2026_09",
    "anthropic_nonstream_tool_use_empty_args",
    "anthropic_nonstream_tool_use_inferred",
]


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_comes_back_as_it_was(name: str) -> None:
    body = sample(name)
    usage = {"cache_creation_input_tokens": 0, **body["usage"]}
    assert again(RELAYS["anthropic"], body) == {**body, "model": ASKED, "usage": usage}


@pytest.mark.parametrize("name", ["openai_nonstream_tools", "openai_nonstream_vision"])
def test_a_completion_comes_back_as_it_was(name: str) -> None:
    body = sample(name)
    for choice in body["choices"]:
        for each in choice["message"].get("tool_calls", []):
            del each["index"]
            choice["message"]["content"] = None
    assert again(RELAYS["openai"], body) == {**body, "model": ASKED}


def test_fields_nobody_knows_survive_the_way() -> None:
    body = sample("anthropic_nonstream_text")
    cited = {"type": "text", "text": "x", "citations": [{"cited_text": "y"}]}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]}
    body |= {"content": [cited, found], "container": {"id": "c"}, "stop_sequence": "!"}
    assert again(RELAYS["anthropic"], body)["content"] == [cited, found]
    assert again(RELAYS["anthropic"], body)["container"] == {"id": "c"}
    completion = sample("openai_nonstream_vision")
    completion["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -1.5}]}
    completion["choices"].append(
        {"index": 1, "finish_reason": "length", "message": {"role": "assistant", "content": "z"}}
    )
    completion["system_fingerprint"] = "fp"
    assert again(RELAYS["openai"], completion) == {**completion, "model": ASKED}


def test_a_message_becomes_a_completion() -> None:
    body = again(CROSS["anthropic"], sample("anthropic_nonstream_thinking_2026_09"))
    assert body["object"] == "chat.completion"
    assert body["model"] == ASKED
    assert body["choices"] == [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": "Noon.",
                "reasoning_content": "One short sentence is enough.",
            },
        }
    ]
    assert body["usage"]["total_tokens"] == 30


def test_a_completion_becomes_a_message() -> None:
    body = again(CROSS["openai"], sample("openai_nonstream_tools"))
    assert [block["type"] for block in body["content"]] == ["thinking", "tool_use"]
    assert body["content"][1]["input"] == {"harbour": "east"}
    assert body["stop_reason"] == "tool_use"
    assert body["usage"] == {
        "input_tokens": 147,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 43,
        "output_tokens": 27,
    }


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        ("anthropic", {}),
        ("anthropic", {"content": [{"type": "text", "text": "x"}]}),
        ("anthropic", {"type": "message", "content": "odd"}),
        ("openai", {}),
        ("openai", {"choices": None}),
        ("openai", {"choices": [3]}),
    ],
)
def test_a01_json_that_is_no_answer_is_no_answer(endpoint: str, body: Json) -> None:
    for pair in (RELAYS[endpoint], CROSS[endpoint]):
        heard = hear(pair, ENDPOINTS[pair[1]].unfold(body))
        assert heard.phase == "failed"


def test_an_overflow_told_as_json_is_an_error() -> None:
    body = sample("anthropic_nonstream_context_exceeded_200")
    for pair in (RELAYS["anthropic"], CROSS["anthropic"]):
        heard = hear(pair, ENDPOINTS[pair[1]].unfold(body))
        assert heard.failure is not None
        assert heard.failure.code == "context_length_exceeded"


def test_a_stream_of_messages_folds() -> None:
    heard = hear(
        RELAYS["anthropic"],
        begin(),
        start(0, {"type": "thinking", "thinking": "A", "signature": ""}),
        delta(0, "thinking_delta", "thinking", "B"),
        delta(0, "signature_delta", "signature", "sig"),
        stop(0),
        start(1, {"type": "text", "text": ""}),
        text(1, "x"),
        event(
            "content_block_delta", index=1, delta={"type": "citations_delta", "citation": {"n": 1}}
        ),
        event("content_block_delta", index=1, delta={"type": "new_delta"}),
        stop(1),
        start(2, {"type": "tool_use", "id": "i", "name": "f", "input": {}}),
        delta(2, "input_json_delta", "partial_json", '{"a":'),
        delta(2, "input_json_delta", "partial_json", "1}"),
        stop(2),
        start(3, {"type": "tool_use", "id": "j", "name": "g", "input": {"b": 2}}),
        stop(3),
        start(4, {"type": "tool_use", "id": "k", "name": "h", "input": {}}),
        delta(4, "input_json_delta", "partial_json", '{"c":./x}'),
        stop(4),
        finish("tool_use", input_tokens=1, output_tokens=2),
        END,
    )
    body = fold("messages", heard.out)
    assert body["content"] == [
        {"type": "thinking", "thinking": "AB", "signature": "sig"},
        {"type": "text", "text": "x", "citations": [{"n": 1}]},
        {"type": "tool_use", "id": "i", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "j", "name": "g", "input": {"b": 2}},
        {"type": "tool_use", "id": "k", "name": "h", "input": {"INVALID_JSON": '{"c":./x}'}},
    ]
    assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("tool_use", 2)


def test_a_stream_of_chunks_folds() -> None:
    heard = hear(
        RELAYS["openai"],
        chat({"role": "assistant", "content": ""}),
        chat({"audio": {"id": "a", "transcript": "He", "expires_at": 5}}),
        chat({"audio": {"transcript": "llo"}, "annotations": [1]}),
        chat({"annotations": [2], "refusal": None}),
        chat(call(0, '{"a"', "f", id="i", type="function")),
        chat(call(0, ":1}")),
        chat({}, "tool_calls"),
        CHAT_DONE,
    )
    assert fold("chat", heard.out)["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "audio": {"id": "a", "transcript": "Hello", "expires_at": 5},
        "annotations": [1, 2],
        "refusal": None,
        "tool_calls": [
            {"id": "i", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
        ],
    }


WORDS = st.text('aü😀\n"\\', max_size=5)


@UNHURRIED
@given(
    thinking=WORDS,
    words=WORDS,
    arguments=st.dictionaries(WORDS, WORDS | st.integers(), max_size=2),
    endpoint=st.sampled_from(["anthropic", "openai"]),
)
def test_any_answer_survives_every_way(
    thinking: str, words: str, arguments: Json, endpoint: str
) -> None:
    """Text, reasoning and arguments are the same, relayed or translated."""
    answer = _completion if endpoint == "openai" else _message
    for pair in (RELAYS[endpoint], CROSS[endpoint]):
        body = again(pair, answer(thinking, words, arguments))
        assert (_read_chat if pair[0] == "chat" else _read_message)(body) == (
            thinking,
            words,
            arguments,
        )


def _message(thinking: str, words: str, arguments: Json) -> Json:
    content: list[Json] = [
        {"type": "thinking", "thinking": thinking, "signature": "s"},
        {"type": "text", "text": words},
        {"type": "tool_use", "id": "i", "name": "f", "input": arguments},
    ]
    return {"id": "m", "content": content, "stop_reason": "tool_use", "usage": {}}


def _completion(thinking: str, words: str, arguments: Json) -> Json:
    function = {"name": "f", "arguments": json.dumps(arguments)}
    calls = [{"id": "i", "type": "function", "function": function}]
    message = {"reasoning_content": thinking, "content": words, "tool_calls": calls}
    return {"id": "c", "choices": [{"message": message, "finish_reason": "tool_calls"}]}


def _read_message(body: Json) -> tuple[str, str, Any]:
    blocks = {block["type"]: block for block in body["content"]}
    thinking = blocks.get("thinking", {"thinking": ""})["thinking"]
    return thinking, blocks.get("text", {"text": ""})["text"], blocks["tool_use"]["input"]


def _read_chat(body: Json) -> tuple[str, str, Any]:
    message = body["choices"][0]["message"]
    arguments = json.loads(message["tool_calls"][0]["function"]["arguments"])
    return message.get("reasoning_content") or "", message["content"] or "", arguments
