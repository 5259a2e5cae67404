"""Messages in, Messages out: the bytes themselves pass, but for what the gateway owns."""

import json
from typing import Any

import pytest
from dialogue import (
    ASKED,
    END,
    REPLY_ID,
    Pair,
    begin,
    context,
    delta,
    event,
    finish,
    hear,
    said,
    start,
    stop,
    text,
)

from proxy.dialects.registry import CLIENTS, ENDPOINTS, transcoder
from proxy.tokens.scale import Scale

PAIR: Pair = ("messages", "anthropic")
HALF = Scale(1, 2)

UNTOUCHED = [
    event("ping"),
    b": a comment\n\n",
    b"id: 9\nretry: 10\n\n",
    b'event: brand_new\ndata: {"type":"brand_new","field":[1, 2]}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta"}}\n\n',
    b'event: content_block_start\ndata:{"type":"content_block_start",\ndata: "index":5}\n\n',
    start(1, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}, "beta": 1}),
    delta(1, "citations_delta", "citation", "x"),
    text(0, 'it says "usage": {} and "error" and data: [ and event: error'),
    text(0, "half \ud83d"),
    stop(1),
]


@pytest.mark.parametrize("frame", UNTOUCHED)
@pytest.mark.parametrize("waiting", [True, False])
def test_what_is_not_ours_passes_byte_for_byte(frame: bytes, waiting: bool) -> None:
    before = [] if waiting else [begin(), text(0, "x")]
    silent = hear(PAIR, *before).out
    heard = hear(PAIR, *before, frame)
    assert heard.out == silent + frame


def test_a_run_of_frames_passes_like_its_frames() -> None:
    frames = [begin(), text(0, "x"), *UNTOUCHED, finish("end_turn", output_tokens=1), END]
    assert hear(PAIR, b"".join(frames)) == hear(PAIR, *frames)


def test_the_model_is_the_one_that_was_asked_for() -> None:
    message = said(hear(PAIR, begin(container={"id": "new"})).out)[0]["message"]
    assert message["model"] == ASKED
    assert message["container"] == {"id": "new"}


@pytest.mark.parametrize("message", [{}, {"content": None, "id": None}, None, "odd"])
def test_missing_keys_of_the_head_are_added(message: Any) -> None:
    told = said(hear(PAIR, event("message_start", message=message)).out)[0]["message"]
    assert told == {
        "id": REPLY_ID,
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "model": ASKED,
        "usage": {
            "input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
        },
    }


def test_a_missing_stop_sequence_is_added() -> None:
    bare = event("message_delta", delta={"stop_reason": "end_turn"})
    told = said(hear(PAIR, begin(), text(0, "x"), bare).out)[-1]
    assert told["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert told["usage"]["output_tokens"] == 0
    odd = event("message_delta", delta=None, usage=7)
    assert said(hear(PAIR, odd).out)[-1]["delta"] == {"stop_reason": None, "stop_sequence": None}


def test_a08_usage_is_scaled_once_wherever_it_stands() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 20,
        "output_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 40},
        "server_tool_use": {"web_search_requests": 2},
    }
    heard = hear(
        PAIR, begin(usage=usage), text(0, "x"), finish("end_turn", **usage), END, scale=HALF
    )
    first, _, last, _ = said(heard.out)
    expected = {
        "input_tokens": 5,
        "cache_read_input_tokens": 10,
        "cache_creation_input_tokens": 0,
        "output_tokens": 15,
        "cache_creation": {"ephemeral_5m_input_tokens": 20},
        "server_tool_use": {"web_search_requests": 2},
    }
    assert first["message"]["usage"] == expected
    assert last["usage"] == expected
    assert (heard.usage.input, heard.usage.output) == (10, 30)


def test_a08_the_estimate_fills_a_start_that_says_0_and_nothing_else() -> None:
    frames = [begin(), text(0, "x"), finish("end_turn", input_tokens=0, output_tokens=4), END]
    heard = hear(PAIR, *frames, estimate=100, scale=HALF)
    first, _, last, _ = said(heard.out)
    assert first["message"]["usage"]["input_tokens"] == 50
    assert last["usage"]["input_tokens"] == 0
    assert heard.usage.input == 0
    told = begin(usage={"input_tokens": 0, "cache_read_input_tokens": 8})
    usage = said(hear(PAIR, told, estimate=100).out)[0]["message"]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (0, 8)


def test_nothing_is_told_after_the_end() -> None:
    stray = [b"data: [DONE]\n\n", text(0, "more"), begin()]
    frames = [begin(), text(0, "x"), finish("end_turn"), END]
    assert hear(PAIR, *frames, *stray) == hear(PAIR, *frames)
    assert hear(PAIR, b"".join([*frames, *stray])) == hear(PAIR, *frames)


def test_a_stray_done_is_no_end() -> None:
    heard = hear(PAIR, begin(), text(0, "x"), b"data: [DONE]\n\n")
    assert heard.phase == "failed"
    assert b"DONE" not in heard.out


@pytest.mark.parametrize(
    "frame", [event("ping"), b": hi\n\n", begin(), finish(None, input_tokens=3)]
)
def test_nothing_useful_yet_is_still_waiting(frame: bytes) -> None:
    """The first real event is a block, a delta or a stop reason: until then a status may change."""
    reply = transcoder(CLIENTS["messages"], ENDPOINTS["anthropic"], context())
    reply.feed(frame)
    before = reply.phase
    reply.feed(text(0, "x"))
    assert (before, reply.phase) == ("waiting", "streaming")


def test_an_odd_spelling_of_json_is_understood() -> None:
    spaced = json.dumps({"type": "message_stop"}, indent=1).replace("\n", "\ndata: ")
    heard = hear(PAIR, begin(), text(0, "x"), f"data: {spaced}\n\n".encode())
    assert heard.phase == "ended"
