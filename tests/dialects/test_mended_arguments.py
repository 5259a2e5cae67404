"""Garbled tool arguments in streams: mended on every pair, and only where a schema says so."""

import json

import pytest
from dialogue import (
    CHAT_DONE,
    DATA,
    END,
    PAIRS,
    Heard,
    Json,
    Pair,
    begin,
    call,
    chat,
    chunks,
    delta,
    finish,
    fold,
    hear,
    start,
    stop,
)

from proxy.dialects.arguments import mend
from proxy.dialects.registry import CLIENTS

SCHEMAS = {"f": {"properties": {"deep": {"type": "boolean"}, "dir": {"type": "string"}}}}
GARBLED = '{"deep":"true","dir":./x}'


def spoken(pair: Pair, *pieces: str, name: str = "f") -> list[bytes]:
    if pair[1] == "openai":
        head = chat(call(0, "", name, id="i", type="function"))
        return [
            head,
            *(chat(call(0, piece)) for piece in pieces),
            chat({}, "tool_calls"),
            CHAT_DONE,
        ]
    opened = start(0, {"type": "tool_use", "id": "i", "name": name, "input": {}})
    told = [delta(0, "input_json_delta", "partial_json", piece) for piece in pieces]
    return [begin(), opened, *told, stop(0), finish("tool_use", output_tokens=1), END]


def arguments(pair: Pair, heard: Heard) -> Json:
    body = fold(pair[0], heard.out)
    if pair[0] == "messages":
        read: Json = body["content"][0]["input"]
        return read
    told = body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
    decoded: Json = json.loads(told)
    return decoded


@pytest.mark.parametrize("pair", PAIRS)
def test_a03_one_whole_piece_is_mended(pair: Pair) -> None:
    heard = hear(pair, *spoken(pair, GARBLED), schemas=SCHEMAS)
    assert arguments(pair, heard) == {"deep": True, "dir": "./x"}
    assert heard.stop_reason in ("tool_use", "tool_calls")


@pytest.mark.parametrize("pair", PAIRS)
def test_a03_an_empty_piece_is_not_the_first(pair: Pair) -> None:
    heard = hear(pair, *spoken(pair, "", GARBLED), schemas=SCHEMAS)
    assert arguments(pair, heard) == {"deep": True, "dir": "./x"}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    ("pieces", "name"),
    [
        (['{"deep":true}'], "f"),
        (['{"deep"', ':"true"}'], "f"),
        (["", '{"deep":"true"', "}"], "f"),
        (['{"deep":"true"}'], "another"),
    ],
)
def test_a03_everything_else_is_the_upstreams_byte_for_byte(
    pair: Pair, pieces: list[str], name: str
) -> None:
    frames = spoken(pair, *pieces, name=name)
    assert hear(pair, *frames, schemas=SCHEMAS) == hear(pair, *frames)


@pytest.mark.parametrize("pair", PAIRS)
def test_a09_mending_does_not_hang_on_the_cut(pair: Pair) -> None:
    stream = b"".join(spoken(pair, GARBLED))
    whole = hear(pair, stream, schemas=SCHEMAS)
    for place in range(1, len(stream), 3):
        assert hear(pair, *chunks(stream, place), schemas=SCHEMAS) == whole


def test_the_recorded_bare_values_are_quoted() -> None:
    schema = {"properties": {"dir": {"type": "string"}}}
    stream = (DATA / "anthropic_stream_tool_use_unquoted.sse").read_bytes()
    for pair in PAIRS:
        if pair[1] == "anthropic":
            heard = hear(pair, stream, schemas={"list_files": schema})
            mended = {"dir": "./harbour", "glob": "*.txt", "deep": False}
            assert arguments(pair, heard) == mended


@pytest.mark.parametrize(
    ("schema", "told", "mended"),
    [
        ({"properties": {"a": {"type": ["integer", "null"]}}}, '{"a":"7"}', {"a": 7}),
        ({"properties": {"a": {"type": ["integer", "null"]}}}, '{"a":"null"}', {"a": None}),
        ({"properties": {"a": {"type": ["integer", 3]}}}, '{"a":"true"}', None),
        ({"properties": {"a": {"type": "odd"}}}, '{"a":"7"}', None),
        ({"properties": {"a": {"oneOf": [{"type": "array"}, True]}}}, '{"a":"[]"}', None),
        ({"properties": {"a": {"oneOf": [{"type": "array"}]}}}, '{"a":"[]"}', {"a": []}),
        ({"properties": {"a": True}}, '{"a":"[]"}', None),
        ({"properties": {"a": {"items": {"type": "number"}}}}, '{"a":["1.5"]}', {"a": [1.5]}),
        ({"properties": {"a": True}}, '{"a":["1"]}', None),
        ({"properties": 3}, '{"a":"1"}', None),
        ({}, '"[1]"', None),
        ({}, '{"a":.x', None),
    ],
)
def test_a_schema_decides(schema: Json, told: str, mended: Json | None) -> None:
    found = mend(told, schema)
    assert (None if found is None else json.loads(found)) == mended


def test_the_schemas_are_those_of_the_clients_own_tools() -> None:
    schema = {"type": "object"}
    user = [{"role": "user", "content": "Hi"}]
    chat_tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    body = {
        "messages": user,
        "tools": chat_tools,
        "functions": [{"name": "g", "parameters": schema}],
    }
    client = CLIENTS["chat"]
    assert client.schemas(client.read(body)) == {"f": schema, "g": schema}
    tools = [{"name": "f", "input_schema": schema}, {"type": "web_search_20250305", "name": "w"}]
    client = CLIENTS["messages"]
    assert client.schemas(client.read({"messages": user, "tools": tools})) == {"f": schema}
