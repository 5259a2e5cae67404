"""Whatever goes wrong in a stream is a failure with a reason: never a clean end, never a crash."""

import json
from itertools import pairwise
from typing import Any

import pytest
from dialogue import (
    CHAT_DONE,
    DATA,
    END,
    PAIRS,
    UNHURRIED,
    Pair,
    begin,
    call,
    chat,
    finish,
    fold,
    hear,
    said,
    samples,
    start,
    stop,
    text,
)
from hypothesis import given
from hypothesis import strategies as st

from proxy import sse
from proxy.dialects.registry import CLIENTS
from proxy.dialects.transcoder import ENDED_EARLY
from proxy.errors import Problem

COSTUMES = [
    (
        b'event: error\ndata: {"type":"error","error":{"type":"x","code":"1302","message":"m"}}',
        "1302",
    ),
    (b'data: {"error":{"code":"1305","message":"busy"}}', "1305"),
    (b'data: {"error":{"code":"1305","message":"busy"},"request_id":"r"}', "1305"),
    (b'data: {"error":"broken"}', None),
    (b"event: error\ndata: [1302][Rate limit][2026ab]", "1302"),
    (b"data: [1302][Rate limit][2026ab]", "1302"),
    (b'data: {"code":500,"msg":"404 NOT_FOUND","success":false}', "500"),
    (b'event: error\ndata: {"detail":"Unprocessable"}', None),
]
BEFORE = {"openai": [chat({"content": "x"})], "anthropic": [begin(), text(0, "x")]}
ENDS = {"openai": [chat({}, "stop"), CHAT_DONE], "anthropic": [finish("end_turn"), END]}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("costume", "code"), COSTUMES)
def test_a01_an_error_in_a_stream_is_an_error(pair: Pair, costume: bytes, code: str | None) -> None:
    heard = hear(pair, costume + sse.END, *ENDS[pair[1]])
    assert (heard.phase, heard.out) == ("failed", b"")
    assert heard.failure is not None
    assert heard.failure.code == code


MIDSTREAM = [pair for pair in COSTUMES if b"success" not in pair[0] and b"detail" not in pair[0]]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(("costume", "code"), MIDSTREAM)
def test_a01_an_error_behind_content_is_an_error(
    pair: Pair, costume: bytes, code: str | None
) -> None:
    before = BEFORE[pair[1]]
    heard = hear(pair, *before, costume + sse.END, *ENDS[pair[1]])
    assert heard.phase == "failed"
    assert heard.failure is not None
    assert heard.failure.code == code
    assert heard.out == hear(pair, *before).out


@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("pair", PAIRS)
def test_a01_an_early_end_is_no_end(pair: Pair, include_usage: bool) -> None:
    for count in range(3):
        spoken = BEFORE[pair[1]][:count]
        heard = hear(pair, *spoken, include_usage=include_usage)
        assert (heard.phase, heard.failure) == ("failed", ENDED_EARLY)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_frame_without_end_is_refused(pair: Pair) -> None:
    heard = hear(pair, b"data: " + b"x" * 100, *ENDS[pair[1]], frame_limit=50)
    assert heard.phase == "failed"
    assert heard.failure is not None
    assert "50 bytes" in heard.failure.message


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    "data", [b"{", b"7", b"[]", b'"x"', b"<html>", b"\xff", b'"\\ud83d', b"[" * 3000]
)
def test_data_that_is_no_object_is_an_error(pair: Pair, data: bytes) -> None:
    assert hear(pair, sse.frame(data)).phase == "failed"


def test_a_chunk_with_choices_and_an_error_is_an_error() -> None:
    heard = hear(("messages", "openai"), chat({"content": "x"}, error={"message": "m"}))
    assert (heard.phase, heard.out) == ("failed", b"")


def test_a01_how_each_dialect_tells_a_failure_behind_content() -> None:
    problem = Problem("overloaded_error", "Busy.", code="1305")
    assert said(CLIENTS["messages"].error(problem)) == [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Busy.", "code": "1305"}}
    ]
    error = {"message": "Busy.", "type": "server_error", "param": None, "code": "1305"}
    assert said(CLIENTS["chat"].error(problem)) == [{"error": error}]
    assert sse.event_of(CLIENTS["messages"].error(problem).strip()) == b"error"


KEYS = [
    "type",
    "text",
    "index",
    "delta",
    "id",
    "name",
    "tool_calls",
    "content",
    "usage",
    "function",
    "arguments",
    "choices",
    "message",
    "finish_reason",
    "stop_reason",
]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text("ab\ud83d", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
SEEDS = [
    *(
        json.loads(sse.data_of(f.strip()))
        for f in (chat({"content": "x"}), chat(call(0, "{}", "f")))
    ),
    *(json.loads(sse.data_of(f.strip())) for f in (begin(), text(0, "x"), finish("end_turn"))),
    json.loads(sse.data_of(start(0, {"type": "tool_use", "id": "i", "name": "f"}).strip())),
]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A frame with one value somewhere in it replaced by anything."""
    value = json.loads(json.dumps(draw(st.sampled_from(SEEDS))))
    node: Any = value
    while True:
        keys = sorted(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys))
        child = node[key]
        if isinstance(child, dict | list) and child and draw(st.booleans()):
            node = child
            continue
        node[key] = draw(JSON)
        return sse.frame(json.dumps(value).encode())


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(frames=st.lists(mutations(), min_size=1, max_size=4))
def test_no_frame_of_any_shape_breaks_a_transcoder_or_a_fold(
    pair: Pair, frames: list[bytes]
) -> None:
    for first in ([], BEFORE[pair[1]]):
        heard = hear(pair, *first, *frames, *ENDS[pair[1]])
        assert heard.phase in ("ended", "failed")
        assert (heard.failure is not None) == (heard.phase == "failed")
        said(heard.out)
        fold(pair[0], heard.out)


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(places=st.lists(st.integers(0, 3000), max_size=6), data=st.data())
def test_a09_recordings_with_a_mutated_frame_are_cut_anywhere(
    pair: Pair, places: list[int], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(list(samples(pair[1]))))
    frames = sse.frames((DATA / name).read_bytes().strip() + sse.END)
    frames.insert(data.draw(st.integers(0, len(frames))), data.draw(mutations()).strip())
    stream = b"".join(each + sse.END for each in frames)
    whole = hear(pair, stream)
    edges = sorted({min(place, len(stream)) for place in [0, *places, len(stream)]})
    parts = [stream[a:b] for a, b in pairwise(edges)]
    assert hear(pair, *parts) == whole


@pytest.mark.parametrize("pair", PAIRS)
def test_a01_a_body_that_is_no_event_stream_tells_its_error(pair: Pair) -> None:
    heard = hear(pair, b'{"error":{"code":"1305",', b'"message":"busy"}}')
    assert (heard.phase, heard.out) == ("failed", b"")
    assert heard.failure is not None
    assert heard.failure.code == "1305"


def test_arguments_that_are_no_text_break_nothing() -> None:
    """Not UTF-8, where arguments are read: in an object, in a call that others wait for."""
    name = {"type": "tool_use", "id": "i", "name": "f", "input": {"a": "FF"}}
    calls = [call(0, {"a": "FF"}, "f", id="i"), call(1, "{", "g", id="j"), call(0, "FF}")]
    spoken: dict[Pair, list[bytes]] = {
        ("messages", "openai"): [*(chat(each) for each in calls), chat({}, "stop"), CHAT_DONE],
        ("chat", "anthropic"): [begin(), start(0, name), stop(0), finish("tool_use"), END],
    }
    for pair, frames in spoken.items():
        assert hear(pair, *(frame.replace(b"FF", b"\xff") for frame in frames)).phase == "ended"


@pytest.mark.parametrize("pair", PAIRS)
def test_nothing_is_told_after_the_end(pair: Pair) -> None:
    frames = [*BEFORE[pair[1]], *ENDS[pair[1]]]
    stray = [*BEFORE[pair[1]], b'data: {"error":{"code":"1305"}}\n\n', b"data: x\n\n"]
    whole = hear(pair, *frames)
    assert whole.phase == "ended"
    assert hear(pair, *frames, *stray) == whole
    assert hear(pair, b"".join([*frames, *stray])) == whole


def test_nothing_is_told_after_an_end_without_content() -> None:
    pair: Pair = ("messages", "anthropic")
    assert hear(pair, END + text(0, "x") + text(0, "y")) == hear(pair, END)
