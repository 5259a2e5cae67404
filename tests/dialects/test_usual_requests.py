"""Requests with usual contents take a shorter way, which nobody can tell from the long one."""

import json
from dataclasses import replace
from typing import Any

import pytest
from conversations import CONVERSATIONS, Conversation, mutated, written
from dialogue import PAIRS, UNHURRIED, Json, Pair, sent_for
from hypothesis import given
from hypothesis import strategies as st
from wording import USER, answers, uses, words

from proxy.dialects.changes import Changes
from proxy.dialects.messages.request import as_read
from proxy.dialects.reading import read
from proxy.dialects.registry import CLIENTS, ClientDialect, has_images
from proxy.errors import DialectName, GatewayError
from proxy.loose_json import encode
from proxy.tokens.counter import TokenCounter

COUNTER = TokenCounter()


def told_or_refused(client: ClientDialect[Any], pair: Pair, body: Json) -> tuple[Any, ...]:
    """What goes upstream, every change, whether it shows an image, and its tokens; or a refusal."""
    raw = encode(body)
    try:
        sent, changes = sent_for(client, pair[1], raw)
        members, view = read(raw, client, Changes())
    except GatewayError as error:
        return error.problem.message, error.problem.param
    tokens = COUNTER.count(as_read(members, view), "glm-4.6") if pair[0] == "messages" else 0
    return sent, set(changes), has_images(client, view), tokens


def the_usual_way(pair: Pair, body: Json) -> tuple[Any, ...]:
    return told_or_refused(CLIENTS[pair[0]], pair, body)


def the_long_way(pair: Pair, body: Json) -> tuple[Any, ...]:
    """As if nothing were usual."""
    return told_or_refused(replace(CLIENTS[pair[0]], read_usual=lambda _raw: None), pair, body)


def is_usual(dialect: DialectName, body: Json) -> bool:
    return CLIENTS[dialect].read_usual(encode(body)) is not None


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(conversation=CONVERSATIONS, data=st.data())
def test_both_ways_say_the_same(
    pair: Pair, conversation: Conversation, data: st.DataObject
) -> None:
    body = written(conversation, pair)
    if data.draw(st.booleans()):
        body["messages"] = mutated({"messages": body["messages"]}, data)["messages"]
    assert the_usual_way(pair, body) == the_long_way(pair, body)


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
    assert the_usual_way((dialect, endpoint), body) == the_long_way((dialect, endpoint), body)
    assert not is_usual(dialect, body)


def test_a_history_of_texts_thoughts_calls_and_results_is_usual() -> None:
    thought = {"type": "thinking", "thinking": "Hm", "signature": "s", "more": 1}
    said = {"role": "assistant", "content": [thought, *words("Let me see.")]}
    result = {"role": "user", "content": [*answers(("a", "1")), {**TEXT, "cache_control": {}}]}
    messages: Json = {"messages": [USER, said, USER, uses("a"), result], "system": [TEXT]}
    assert is_usual("messages", messages)

    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        {"role": "system", "content": [TEXT]},
        USER,
        {**ASSISTANT, "content": None, "tool_calls": [call], "refusal": None, "audio": None},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]
    assert is_usual("chat", {"messages": turns})


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("literal", [rb'"\u4f60 \/ \ud83d\ude00"', '"你 / 😀"'.encode()])
def test_a_text_goes_upstream_as_it_was_written(pair: Pair, literal: bytes) -> None:
    raw = b'{"messages": [{"role": "user", "content": %s}], "max_tokens": 9}' % literal
    sent, _changes = sent_for(CLIENTS[pair[0]], pair[1], raw)
    assert sent.count(literal) == 1


@pytest.mark.parametrize("pair", PAIRS)
def test_a_text_that_is_no_unicode_is_left_to_the_upstream(pair: Pair) -> None:
    raw = b'{"messages": [{"role": "user", "content": "a\xffb"}], "max_tokens": 9}'
    sent, _changes = sent_for(CLIENTS[pair[0]], pair[1], raw)
    assert b'"a\xffb"' in sent


def test_where_such_a_text_is_read_its_bytes_are_replaced() -> None:
    late = b'[{"role": "user", "content": "x"}, {"role": "system", "content": "a\xffb"}]'
    sent, _changes = sent_for(CLIENTS["chat"], "anthropic", b'{"messages": %s}' % late)
    assert "<system>\\na\N{REPLACEMENT CHARACTER}b\\n</system>" in sent.decode()

    turns = b'[{"role": "user", "content": "a\xffb"}]'
    body, view = read(b'{"messages": %s}' % turns, CLIENTS["messages"], Changes())
    clean = {"messages": [{"role": "user", "content": "a\N{REPLACEMENT CHARACTER}b"}]}
    assert COUNTER.count(as_read(body, view), "glm-4.6") == COUNTER.count(clean, "glm-4.6")


@pytest.mark.parametrize("pair", PAIRS)
def test_members_that_nothing_here_knows_are_relayed(pair: Pair) -> None:
    """Beside the messages, in them and in their parts."""
    part = {"type": "text", "text": "Hi", "more": 1}
    for body in (
        {"messages": [USER], "brand_new": {"a": None}},
        {"messages": [{**USER, "brand_new": 1}]},
        {"messages": [{"role": "user", "content": [part]}]},
    ):
        told = the_usual_way(pair, body)
        assert told == the_long_way(pair, body)
        if (pair[0] == "chat") == (pair[1] == "openai"):
            sent = json.loads(told[0])
            assert {**sent, **body} == sent
