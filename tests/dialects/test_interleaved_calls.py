"""Parallel tool calls in any interleaving: well-formed blocks, and every byte of every call."""

import json
from itertools import pairwise
from typing import Any

from dialogue import CHAT_DONE, UNHURRIED, Json, Pair, call, chat, fold, hear, said
from hypothesis import given
from hypothesis import strategies as st

PAIR: Pair = ("messages", "openai")
RELAY: Pair = ("chat", "openai")

ARGUMENTS: st.SearchStrategy[Json] = st.dictionaries(
    st.sampled_from(["a", "path", "ü"]),
    st.integers(0, 9) | st.text('ab{}"\\ 😀', max_size=6) | st.just({"b": []}),
    max_size=3,
)


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[str], list[bytes]]:
    """The whole arguments of each call, and their fragments as chunks in any order."""
    wholes = [json.dumps(each) for each in draw(st.lists(ARGUMENTS, min_size=1, max_size=4))]
    queues: list[list[Json]] = []
    for index, whole in enumerate(wholes):
        places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
        edges = [0, *places, len(whole)]
        parts = [whole[a:b] for a, b in pairwise(edges)]
        first = draw(st.booleans())
        head = call(index, parts.pop(0) if first else "", f"f{index}", id=f"i{index}")
        queues.append([head, *(call(index, part) for part in parts)])
    texts = draw(st.lists(st.sampled_from(["So ", "be it"]), max_size=3))
    if texts:
        queues.append([{"content": text} for text in texts])
    deltas: list[Json] = []
    while queues:
        queue = draw(st.sampled_from(queues))
        deltas.append(queue.pop(0))
        queues = [each for each in queues if each]
    return wholes, [chat(delta) for delta in deltas]


def walk(events: list[Any]) -> list[Json]:
    """The blocks of a stream; raises unless each opens, grows and stops in its turn."""
    blocks: list[Json] = []
    is_open = False
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(blocks)
                blocks.append({**event["content_block"], "pieces": []})
                is_open = True
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(blocks) - 1
                blocks[-1]["pieces"].append(event["delta"])
            case "content_block_stop":
                assert is_open
                assert event["index"] == len(blocks) - 1
                is_open = False
    assert not is_open
    return blocks


@UNHURRIED
@given(interleavings())
def test_a11_any_interleaving_becomes_whole_blocks_one_after_the_other(
    drawn: tuple[list[str], list[bytes]],
) -> None:
    wholes, chunks = drawn
    heard = hear(PAIR, *chunks, chat({}, "tool_calls"), CHAT_DONE)
    assert heard.phase == "ended"
    calls = {}
    for block in walk(said(heard.out)):
        if block["type"] == "tool_use":
            assert block["input"] == {}
            assert {piece["type"] for piece in block["pieces"]} <= {"input_json_delta"}
            told = "".join(piece["partial_json"] for piece in block["pieces"])
            calls[block["name"]] = (block["id"], told)
    assert calls == {f"f{i}": (f"i{i}", whole) for i, whole in enumerate(wholes)}


@UNHURRIED
@given(interleavings())
def test_a11_a_relay_keeps_every_call_whole(drawn: tuple[list[str], list[bytes]]) -> None:
    wholes, chunks = drawn
    heard = hear(RELAY, *chunks, chat({}, "tool_calls"), CHAT_DONE)
    message = fold("chat", heard.out)["choices"][0]["message"]
    told = [(each["id"], each["function"]["arguments"]) for each in message["tool_calls"]]
    assert sorted(told) == [(f"i{i}", whole) for i, whole in enumerate(wholes)]


@UNHURRIED
@given(interleavings(), st.integers(0, 20))
def test_a01_a_break_in_the_middle_is_never_a_clean_end(
    drawn: tuple[list[str], list[bytes]], kept: int
) -> None:
    heard = hear(PAIR, *drawn[1][:kept])
    assert heard.phase == "failed"
    assert b"message_stop" not in heard.out
    assert b"message_delta" not in heard.out


def test_the_first_call_streams_while_the_second_waits() -> None:
    two = [chat(call(0, '{"a"', "f", id="i")), chat(call(1, '{"b"', "g", id="j"))]
    heard = hear(PAIR, *two)
    assert b'"name":"f"' in heard.out
    assert b'"name":"g"' not in heard.out
    assert b'"name":"g"' in hear(PAIR, *two, chat(call(0, ":1}"))).out


def test_a_brace_at_the_end_of_a_piece_is_not_yet_an_end() -> None:
    pieces = ['{"a":{"b":1}', ',"c":"}', '"}']
    frames = [chat(call(0, "", "f", id="i")), chat(call(1, "{}", "g", id="j"))]
    frames += [chat(call(0, each)) for each in pieces]
    blocks = walk(said(hear(PAIR, *frames, chat({}, "tool_calls"), CHAT_DONE).out))
    assert "".join(piece["partial_json"] for piece in blocks[0]["pieces"]) == "".join(pieces)
    assert [block["name"] for block in blocks] == ["f", "g"]


def test_calls_without_arguments_follow_each_other() -> None:
    frames = [chat(call(0, "", "f", id="i")), chat(call(1, None, "g", id="j"))]
    blocks = walk(said(hear(PAIR, *frames, chat({}, "tool_calls"), CHAT_DONE).out))
    assert [(block["name"], block["pieces"]) for block in blocks] == [("f", []), ("g", [])]


def test_pieces_without_index_belong_to_the_id_or_to_the_call_before() -> None:
    frames = [
        chat(call(None, '{"a"', "f", id="i")),
        chat(call(None, '{"b"', "g", id="j")),
        chat(call(None, ":1}", id="i")),
        chat(call(None, "")),
        chat(call(1, ":2}", id="j")),
    ]
    blocks = walk(said(hear(PAIR, *frames, chat({}, "tool_calls"), CHAT_DONE).out))
    told = ["".join(piece["partial_json"] for piece in block["pieces"]) for block in blocks]
    assert told == ['{"a":1}', '{"b":2}']
