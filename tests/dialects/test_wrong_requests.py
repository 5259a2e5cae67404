"""Wrong requests name the field and what was expected; no request of any shape breaks anything."""

import pytest
from conversations import CONVERSATIONS, JSON, Conversation, mutated, written
from dialogue import PAIRS, UNHURRIED, Json, Pair, sent_for, told
from hypothesis import given
from hypothesis import strategies as st
from wording import USER, uses

from proxy.dialects.changes import Changes
from proxy.dialects.reading import read
from proxy.dialects.registry import CLIENTS
from proxy.errors import DialectName, GatewayError
from proxy.loose_json import encode

TEXT_PART = [{"type": "text"}]
WRONG: list[tuple[DialectName, Json, str]] = [
    ("chat", {}, "body"),
    ("chat", {"messages": None}, "messages"),
    ("chat", {"messages": "x"}, "messages"),
    ("chat", {"messages": []}, "messages"),
    ("chat", {"messages": [3]}, "messages[0]"),
    ("chat", {"messages": [{"content": "x"}]}, "messages[0]"),
    ("chat", {"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
    ("chat", {"messages": [USER, {"role": "user", "content": 3}]}, "messages[1].content"),
    ("chat", {"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
    ("chat", {"messages": [{"role": "user", "content": TEXT_PART}]}, "messages[0].content[0]"),
    (
        "chat",
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": 3}}]}
            ]
        },
        "messages[0].content[0].image_url.url",
    ),
    ("chat", {"messages": [USER], "max_tokens": "many"}, "max_tokens"),
    ("chat", {"messages": [USER], "stream": "yes"}, "stream"),
    ("chat", {"messages": [USER], "tools": [{"type": "function"}]}, "tools[0].function"),
    ("chat", {"messages": [USER], "tools": [{"function": {"name": 1}}]}, "tools[0].function.name"),
    ("chat", {"messages": [USER], "stop": [1]}, "stop[0]"),
    ("messages", {}, "body"),
    ("messages", {"messages": []}, "messages"),
    ("messages", {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
    ("messages", {"messages": [USER], "system": 3}, "system"),
    ("messages", {"messages": [USER], "system": [{"text": "x"}]}, "system[0].type"),
    ("messages", {"messages": [{"role": "user", "content": TEXT_PART}]}, "messages[0].content[0]"),
    (
        "messages",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "a",
                            "content": [{"type": "image", "source": {}}],
                        }
                    ],
                }
            ]
        },
        "messages[0].content[0].content[0].source",
    ),
    ("messages", {"messages": [USER], "tools": [{"input_schema": {}}]}, "tools[0].name"),
    (
        "messages",
        {"messages": [USER], "tools": [{"name": "f", "input_schema": []}]},
        "tools[0].input_schema",
    ),
    ("messages", {"messages": [USER], "thinking": {}}, "thinking"),
    ("messages", {"messages": [USER], "temperature": True}, "temperature"),
]


@pytest.mark.parametrize(("dialect", "body", "field"), WRONG)
def test_the_field_is_named(dialect: DialectName, body: Json, field: str) -> None:
    with pytest.raises(GatewayError) as caught:
        read(encode(body), CLIENTS[dialect], Changes())
    problem = caught.value.problem
    assert problem.http_status(dialect) == 400
    assert problem.message.startswith(f"{field}: ")
    assert problem.param == (None if field == "body" else field)


def deep(levels: int) -> Json:
    block: Json = {"type": "text", "text": "x"}
    for _ in range(levels):
        block = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    return {"role": "user", "content": [block]}


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(GatewayError, match="nested too deeply"):
        CLIENTS["messages"].read({"messages": [deep(2000)]})
    levels = 100_000  # newer Pythons let msgspec go deeper than themselves
    schema = b'{"items": ' * levels + b"{}" + b"}" * levels
    tools = b'[{"name": "f", "input_schema": %s}]' % schema
    raw = b'{"messages": [{"role": "user", "content": "x"}], "tools": %s}' % tools
    with pytest.raises(GatewayError, match="nested too deeply"):
        sent_for(CLIENTS["messages"], "anthropic", raw)


PICTURES: list[tuple[DialectName, Json]] = [
    ("chat", {"type": "image_url", "image_url": {"url": "u"}}),
    ("chat", {"type": "image_url", "image_url": "u"}),
    ("chat", {"type": "input_image", "image_url": "u"}),
    ("chat", {"type": "image", "source": {"type": "url", "url": "u"}}),
    ("messages", {"type": "image", "source": {"type": "url", "url": "u"}}),
    ("messages", {"type": "image_url", "image_url": {"url": "u"}}),
    ("messages", {"type": "input_image", "image_url": "u"}),
]


@pytest.mark.parametrize(("dialect", "picture"), PICTURES)
def test_a02_an_image_is_seen_wherever_it_is(dialect: DialectName, picture: Json) -> None:
    client = CLIENTS[dialect]
    turns: list[Json] = [{"role": "user", "content": [{"type": "text", "text": "x"}, picture]}]
    if dialect == "chat":
        turns.append({"role": "tool", "tool_call_id": "a", "content": [picture]})
    else:
        result = {"type": "tool_result", "tool_use_id": "a", "content": [picture]}
        turns.append({"role": "user", "content": [result]})
        source = {"type": "content", "content": [picture]}
        turns.append({"role": "user", "content": [{"type": "document", "source": source}]})
    for turn in turns:
        assert client.has_images(client.read({"messages": [USER, turn]}))
    assert not client.has_images(
        client.read({"messages": [USER, {"role": "user", "content": "image_url"}]})
    )


FIELDS = [
    *("tools", "tool_choice", "thinking", "reasoning_effort", "stop", "stop_sequences", "system"),
    *("response_format", "max_tokens", "temperature", "metadata", "output_config", "ü\n"),
    *("functions", "function_call", "max_completion_tokens", "stream_options", "user"),
]
EXTRAS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3)


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(conversation=CONVERSATIONS, extras=EXTRAS, data=st.data())
def test_no_request_of_any_shape_breaks_the_translation(
    pair: Pair, conversation: Conversation, extras: Json, data: st.DataObject
) -> None:
    plain = written(conversation, pair)
    body = mutated({**plain, **extras}, data)
    try:
        sent, _ = told(pair, body, data.draw(st.sampled_from(["glm-4.6", "glm-5.3", "new"])))
    except GatewayError as error:
        assert error.problem.http_status(pair[0]) == 400  # noqa: PT017 - either way is right
    else:
        assert sent["stream"] is True
        assert isinstance(sent["messages"], list)


def test_changes_are_printable_and_of_a_sane_length() -> None:
    changes = Changes()
    changes.dropped("ünï\r\nx-evil: 1" + "y" * 500)
    (entry,) = changes.entries()
    assert entry.isascii()
    assert entry.isprintable()
    assert len(entry) <= 200
    changes.dropped("ünï\r\nx-evil: 1" + "y" * 500)
    assert len(changes.entries()) == 1
    for number in range(200):
        changes.dropped(f"field_{number}")
    assert len(changes.header()) <= 1000
    assert changes.header().endswith("...")
    assert len(changes.entries()) == 101
    assert changes.entries()[-1] == "others: changed too"


def test_an_unanswered_call_at_the_end_is_left_alone() -> None:
    sent, changed = told(("messages", "openai"), {"messages": [USER, uses("a")], "max_tokens": 9})
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant"]
    assert changed == ()
