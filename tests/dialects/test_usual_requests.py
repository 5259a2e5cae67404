"""Requests with usual contents take a shorter way, which nobody can tell from the long one."""

from typing import Any

import msgspec
import pytest
from conversations import CONVERSATIONS, Conversation, mutated, written
from dialogue import PAIRS, UNHURRIED, Json, Pair, told
from hypothesis import given
from hypothesis import strategies as st
from wording import USER, answers, uses, words

from proxy.dialects.registry import CLIENTS
from proxy.errors import DialectName, GatewayError


def told_or_refused(pair: Pair, body: Json) -> tuple[Any, ...]:
    """What goes upstream, as bytes, and every change; or the refusal."""
    try:
        sent, changes = told(pair, body)
    except GatewayError as error:
        return error.problem.message, error.problem.param
    dialect = CLIENTS[pair[0]]
    return msgspec.json.encode(sent), set(changes), dialect.has_images(dialect.read(body))


def the_long_way(pair: Pair, body: Json) -> tuple[Any, ...]:
    with pytest.MonkeyPatch.context() as patch:
        for dialect in ("chat", "messages"):
            patch.setattr(f"proxy.dialects.{dialect}.request.as_a", lambda *_: None)
        return told_or_refused(pair, body)


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(conversation=CONVERSATIONS, data=st.data())
def test_both_ways_say_the_same(
    pair: Pair, conversation: Conversation, data: st.DataObject
) -> None:
    body = written(conversation, pair)
    if data.draw(st.booleans()):
        body["messages"] = mutated({"messages": body["messages"]}, data)["messages"]
    assert told_or_refused(pair, body) == the_long_way(pair, body)


TEXT = {"type": "text", "text": "Hi"}
EMPTY = {"type": "text", "text": ""}
ASSISTANT = {"role": "assistant"}
UNUSUAL: list[tuple[DialectName, list[Any]]] = [
    ("messages", [USER, {"role": "system", "content": "x"}]),
    ("messages", [USER, {"role": "assistant", "content": ""}]),
    ("messages", [USER, {"role": "assistant", "content": []}]),
    ("messages", [{"role": "user", "content": [TEXT, EMPTY]}]),
    ("messages", [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]),
    ("messages", [{"role": "user", "content": [{"type": "brand_new"}]}]),
    ("chat", [USER, {"role": "developer", "content": "x"}]),
    ("chat", [{**USER, "name": "ann"}]),
    ("chat", [USER, {**ASSISTANT, "refusal": "No."}]),
    ("chat", [USER, {**ASSISTANT, "content": None}, USER]),
    ("chat", [USER, {**ASSISTANT, "content": "", "tool_calls": []}, USER]),
    ("chat", [{"role": "user", "content": [TEXT, EMPTY]}]),
    ("chat", [{"role": "user", "content": []}]),
    ("chat", [{"role": "user", "content": [{"text": "no type"}]}]),
    ("chat", [{"role": "user", "content": [{"type": "refusal", "refusal": "No."}]}]),
    ("chat", [{"role": "user", "content": [{"type": "image_url", "image_url": "u"}]}]),
]


@pytest.mark.parametrize("endpoint", ["anthropic", "openai"])
@pytest.mark.parametrize(("dialect", "messages"), UNUSUAL)
def test_what_is_unusual_goes_the_long_way(
    dialect: DialectName, messages: list[Any], endpoint: Any
) -> None:
    body = {"messages": messages, "max_tokens": 9}
    assert told_or_refused((dialect, endpoint), body) == the_long_way((dialect, endpoint), body)
    try:
        view = CLIENTS[dialect].read(body)
    except GatewayError:
        return
    assert not isinstance(view, CLIENTS[dialect].usual)


def test_a_history_of_texts_thoughts_calls_and_results_is_usual() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s", "more": 1}
    said = {"role": "assistant", "content": [thought, *words("Let me see.")]}
    result = {"role": "user", "content": [*answers(("a", "1")), {**TEXT, "cache_control": {}}]}
    messages: Json = {"messages": [USER, said, USER, uses("a"), result], "system": [TEXT]}
    assert isinstance(CLIENTS["messages"].read(messages), CLIENTS["messages"].usual)

    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        {"role": "system", "content": [TEXT]},
        USER,
        {**ASSISTANT, "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    assert isinstance(CLIENTS["chat"].read({"messages": turns}), CLIENTS["chat"].usual)
