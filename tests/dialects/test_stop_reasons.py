"""Stop reason and finish reason, all values, both ways."""

import pytest
from dialogue import CHAT_DONE, END, Pair, begin, call, chat, finish, hear, said, text

TO_MESSAGES = [
    ("stop", "end_turn"),
    ("length", "max_tokens"),
    ("tool_calls", "tool_use"),
    ("function_call", "tool_use"),
    ("content_filter", "refusal"),
    ("sensitive", "refusal"),
    ("model_context_window_exceeded", "model_context_window_exceeded"),
    ("brand_new", "brand_new"),
]
TO_CHAT = [
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("pause_turn", "stop"),
    ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("tool_use", "tool_calls"),
    ("refusal", "content_filter"),
    ("sensitive", "content_filter"),
    ("brand_new", "brand_new"),
]


@pytest.mark.parametrize(("told", "heard"), TO_MESSAGES)
def test_finish_reason_to_stop_reason(told: str, heard: str) -> None:
    reply = hear(("messages", "openai"), chat({"content": "x"}), chat({}, told), CHAT_DONE)
    assert said(reply.out)[-2]["delta"] == {"stop_reason": heard, "stop_sequence": None}
    assert reply.stop_reason == heard


@pytest.mark.parametrize(("told", "heard"), TO_CHAT)
def test_stop_reason_to_finish_reason(told: str, heard: str) -> None:
    reply = hear(("chat", "anthropic"), begin(), text(0, "x"), finish(told), END)
    assert said(reply.out)[-2]["choices"][0]["finish_reason"] == heard


@pytest.mark.parametrize("told", [reason for reason, _ in TO_CHAT])
def test_a_relay_keeps_the_stop_reason(told: str) -> None:
    reply = hear(("messages", "anthropic"), begin(), text(0, "x"), finish(told), END)
    assert said(reply.out)[-2]["delta"]["stop_reason"] == told


def test_stop_with_calls_is_tool_use() -> None:
    frames = [chat(call(0, "{}", "f", id="i")), chat({}, "stop"), CHAT_DONE]
    assert hear(("messages", "openai"), *frames).stop_reason == "tool_use"


@pytest.mark.parametrize("client", ["messages", "chat"])
def test_a29_a_budget_spent_on_reasoning_is_length_with_the_reasoning(client: str) -> None:
    pair: Pair = ("messages", "openai") if client == "messages" else ("chat", "openai")
    reply = hear(pair, chat({"reasoning_content": "Hm"}), chat({}, "length"), CHAT_DONE)
    assert reply.phase == "ended"
    assert b"Hm" in reply.out
    assert (b"max_tokens" if client == "messages" else b'"length"') in reply.out
    assert b"end_turn" not in reply.out
    assert b'"stop"' not in reply.out


EMPTY_OVERFLOWS = {
    "openai": [chat({"role": "assistant", "content": ""}, "model_context_window_exceeded")],
    "anthropic": [begin(), finish("model_context_window_exceeded", input_tokens=0)],
}
PAIRS: list[Pair] = [
    ("messages", "anthropic"),
    ("messages", "openai"),
    ("chat", "anthropic"),
    ("chat", "openai"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_a06_an_overflow_without_content_is_an_error(pair: Pair) -> None:
    reply = hear(pair, *EMPTY_OVERFLOWS[pair[1]], window=1000)
    assert reply.phase == "failed"
    assert reply.failure is not None
    assert reply.failure.code == "context_length_exceeded"
    assert "prompt is too long: 1001 tokens > 1000 maximum" in reply.failure.message


@pytest.mark.parametrize("pair", PAIRS)
def test_a06_an_overflow_behind_content_is_an_end(pair: Pair) -> None:
    opened = chat({"content": "x"}) if pair[1] == "openai" else begin() + text(0, "x")
    reply = hear(pair, opened, *EMPTY_OVERFLOWS[pair[1]][-1:], END if pair[1] != "openai" else b"")
    assert reply.phase == "ended"


@pytest.mark.parametrize("pair", PAIRS)
def test_a01_a_network_error_is_no_end(pair: Pair) -> None:
    spoken = {
        "openai": [chat({"content": "x"}), chat({"content": ""}, "network_error"), CHAT_DONE],
        "anthropic": [begin(), text(0, "x"), finish("network_error"), END],
    }[pair[1]]
    reply = hear(pair, *spoken)
    assert reply.phase == "failed"
    assert reply.failure is not None
    assert reply.failure.retryable
    assert b"[DONE]" not in reply.out
    assert b"message_stop" not in reply.out
