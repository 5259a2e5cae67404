"""What holds for any request: the simulator never breaks, and sample arguments fit their schema."""

import copy
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator_talk import BOTH, KEY, PATHS, Answered, question, text_of

from proxy.simulator import Answer, Gate, ToolCall
from proxy.simulator.respond import count_tokens, respond
from proxy.simulator.samples import arguments_for
from proxy.simulator.script import Received, Script, Step
from proxy.simulator.turn import EndpointName, words

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "name", "function", "properties"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "messages",
        "model",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "reasoning_effort",
        "max_tokens",
        "stream",
        "temperature",
        "tool_stream",
        "user_id",
    ]
)
PROMPTS = st.sampled_from(["hello", "think", "use f", "count to 3", "overflow", "cut", "stall"])
BLOCKS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["text", "image", "image_url", "tool_use", "tool_result"]),
        "text": st.text(max_size=5),
        "content": JSON,
        "source": JSON,
        "image_url": JSON,
    }
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "tool", "system", "other"]),
            "content": PROMPTS | JSON | st.lists(BLOCKS, max_size=3),
        }
    ),
    max_size=4,
)
TOOL: dict[EndpointName, dict[str, Any]] = {
    "anthropic": {"name": "f", "input_schema": {}},
    "openai": {"type": "function", "function": {"name": "f", "parameters": {}}},
}


def received(endpoint: EndpointName, body: Any) -> Received:
    return Received(endpoint, "POST", PATHS[endpoint], "", KEY, body)


@pytest.mark.parametrize("endpoint", BOTH)
@given(fields=st.dictionaries(FIELDS, JSON, max_size=3), prompt=PROMPTS)
def test_no_field_of_any_shape_breaks_it(
    endpoint: EndpointName, fields: dict[str, Any], prompt: str
) -> None:
    asked = received(endpoint, {**question(prompt), **fields})
    assert respond(asked, Script()).status in {200, 400, 422}
    assert count_tokens(asked, Script()).status in {200, 400, 422}


@pytest.mark.parametrize("endpoint", BOTH)
@given(
    messages=MESSAGES,
    model=st.sampled_from(["glm-4.7", "glm-4.6v", "glm-5.3"]),
    stream=st.booleans(),
)
def test_no_conversation_breaks_it(
    endpoint: EndpointName, messages: list[Any], model: str, stream: bool
) -> None:
    asked = question("", messages=messages, model=model, stream=stream)
    assert respond(received(endpoint, asked), Script()).status in {200, 400, 422}


@pytest.mark.parametrize("endpoint", BOTH)
@given(schema=JSON)
def test_no_tool_schema_breaks_it(endpoint: EndpointName, schema: Any) -> None:
    tool = copy.deepcopy(TOOL[endpoint])
    tool.get("function", tool)["parameters" if endpoint == "openai" else "input_schema"] = schema
    asked = question("use f", tools=[tool])
    assert respond(received(endpoint, asked), Script()).status in {200, 400}


@pytest.mark.parametrize("endpoint", BOTH)
@given(
    told=st.lists(st.text("a \t", min_size=1) | st.just(ToolCall("f", {"a": 1})) | st.builds(Gate)),
    thinking=st.text(),
    stream=st.booleans(),
)
def test_a_gate_stands_in_an_answer_where_it_was_put(
    endpoint: EndpointName, told: list[str | ToolCall | Gate], thinking: str, stream: bool
) -> None:
    answers = [
        Answer.of(*told, thinking=thinking),
        Answer.of(*(each for each in told if not isinstance(each, Gate)), thinking=thinking),
    ]
    script, asked = Script(deque(answers)), received(endpoint, question("", stream=stream))
    held, free = (respond(asked, script).chunks for _ in answers)
    assert [step for step in held if isinstance(step, bytes)] == list(free)
    assert [s for s in held if isinstance(s, Gate)] == [e for e in told if isinstance(e, Gate)]
    if stream:
        for gate in (each for each in told if isinstance(each, Gate)):
            before, sent = told[: told.index(gate)], held[: held.index(gate)]
            assert said(endpoint, sent) == "".join(e for e in before if isinstance(e, str))
            assert called(sent) == sum(isinstance(each, ToolCall) for each in before)


def said(endpoint: EndpointName, steps: Sequence[Step]) -> str:
    """The text in these frames, without the line break that the OpenAI endpoint puts in."""
    raw = b"".join(step for step in steps if isinstance(step, bytes))
    return text_of(endpoint, Answered(200, {}, raw)).replace("\n", "") if raw else ""


def called(steps: Sequence[Step]) -> int:
    """How many calls have their arguments in these frames."""
    return sum(b'{\\"a\\":1}' in step for step in steps if isinstance(step, bytes))


@given(st.text())
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text


LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer"},
        {"type": "integer", "minimum": 3.5},
        {"type": "number", "minimum": 10},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["null", "integer"]},
        {"type": "string", "enum": ["b", "a"]},
        {"const": 7},
        {"type": "integer", "default": 12},
        {"anyOf": [{"type": "null"}, {"type": "number"}]},
        {"$ref": "#/$defs/Point"},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties)[:1],
                "additionalProperties": False,
            }
        )
    ),
    max_leaves=6,
)
POINT = {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}


@given(properties=st.dictionaries(st.sampled_from("abcd"), SCHEMAS), required=st.booleans())
def test_sample_arguments_fit_their_schema(properties: dict[str, Any], required: bool) -> None:
    schema = {
        "type": "object",
        "properties": properties,
        "required": sorted(properties) if required else [],
        "$defs": {"Point": POINT},
    }
    arguments = arguments_for(schema)
    jsonschema.validate(arguments, schema)
    assert set(arguments) == set(properties)
    assert arguments == arguments_for(json.loads(json.dumps(schema)))


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    depth, inner = 0, arguments_for(node)
    while isinstance(inner, dict):
        depth, inner = depth + 1, inner["next"]
    assert 1 < depth < 10
