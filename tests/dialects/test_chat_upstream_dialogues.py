"""A Messages client and the OpenAI endpoint: chunks in, events out, side by side."""

import json
from typing import Any

from dialogue import ASKED, CHAT_DONE, REPLY_ID, Json, Pair, call, chat, hear, play, said, types

from proxy.dialects.chat.blocks import UNSIGNED

PAIR: Pair = ("messages", "openai")
SIGNATURE = json.loads(bytes(UNSIGNED))
ZERO = {
    "input_tokens": 0,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 0,
}


def started(**usage: int) -> Json:
    message: Json = {"id": "c1", "type": "message", "role": "assistant", "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "model": ASKED, "usage": ZERO | usage}
    return {"type": "message_start", "message": message}


def opened(index: int, **block: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, kind: str, field: str, text: str) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: text}}


def closed(index: int) -> Json:
    return {"type": "content_block_stop", "index": index}


def stopped(reason: str, **usage: int) -> list[Json]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": ZERO | usage},
        {"type": "message_stop"},
    ]


TEXT = {"type": "text", "text": ""}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def test_a_text() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    heard = play(
        PAIR,
        (chat({"role": "assistant", "content": ""}), [started()]),
        (chat({"content": "Hel"}), [opened(0, **TEXT), piece(0, "text_delta", "text", "Hel")]),
        (b": keep-alive\n\n", []),
        (
            chat({"content": "lo", "reasoning_content": None}),
            [piece(0, "text_delta", "text", "lo")],
        ),
        (chat({"content": ""}, "stop", usage=usage), [closed(0)]),
        (
            CHAT_DONE,
            stopped("end_turn", input_tokens=5, cache_read_input_tokens=4, output_tokens=2),
        ),
        (chat({"content": "after the end"}), []),
    )
    assert heard.phase == "ended"


def test_a04_thinking_comes_first_and_is_signed_before_it_stops() -> None:
    play(
        PAIR,
        (
            chat({"role": "assistant", "reasoning_content": "Hm"}),
            [started(), opened(0, **THINKING), piece(0, "thinking_delta", "thinking", "Hm")],
        ),
        (chat({"reasoning_content": "m."}), [piece(0, "thinking_delta", "thinking", "m.")]),
        (
            chat({"content": "Noon"}),
            [
                piece(0, "signature_delta", "signature", SIGNATURE),
                closed(0),
                opened(1, **TEXT),
                piece(1, "text_delta", "text", "Noon"),
            ],
        ),
        (chat({}, "stop"), [closed(1)]),
        (CHAT_DONE, stopped("end_turn")),
    )


def test_a04_reasoning_under_its_other_name_and_not_twice() -> None:
    heard = hear(PAIR, chat({"reasoning": "A", "reasoning_content": "A"}), chat({"reasoning": "B"}))
    told = [e["delta"]["thinking"] for e in said(heard.out) if e["type"] == "content_block_delta"]
    assert told == ["A", "B"]


def test_a04_thinking_without_an_answer_is_signed_too() -> None:
    heard = hear(PAIR, chat({"reasoning_content": "Hm"}), chat({}, "length"), CHAT_DONE)
    assert types(heard.out)[-4:] == [
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert heard.stop_reason == "max_tokens"


def test_a03_arguments_stream_as_they_come() -> None:
    play(
        PAIR,
        (
            chat(call(0, "", "tide", id="call_1", type="function")),
            [started(), opened(0, type="tool_use", id="call_1", name="tide", input={})],
        ),
        (chat(call(0, '{"day":')), [piece(0, "input_json_delta", "partial_json", '{"day":')]),
        (chat(call(0, " 1}")), [piece(0, "input_json_delta", "partial_json", " 1}")]),
        (chat({"content": ""}, "tool_calls"), [closed(0)]),
        (CHAT_DONE, stopped("tool_use")),
    )


def test_a03_arguments_bundled_with_name_and_finish_are_still_deltas() -> None:
    play(
        PAIR,
        (
            chat(call(0, '{"a":1}', "f", id="call_1"), "tool_calls"),
            [
                started(),
                opened(0, type="tool_use", id="call_1", name="f", input={}),
                piece(0, "input_json_delta", "partial_json", '{"a":1}'),
                closed(0),
            ],
        ),
        (CHAT_DONE, stopped("tool_use")),
    )


def test_a03_arguments_as_an_object_become_the_string_they_should_be() -> None:
    heard = hear(PAIR, chat(call(0, {"a": [1]}, "f", id="i")), chat({}, "tool_calls"), CHAT_DONE)
    assert said(heard.out)[2] == piece(0, "input_json_delta", "partial_json", '{"a":[1]}')


def test_text_after_a_call_waits_for_the_call_and_then_goes_on() -> None:
    play(
        PAIR,
        (
            chat(call(0, '{"a"', "f", id="i")),
            [
                started(),
                opened(0, type="tool_use", id="i", name="f", input={}),
                piece(0, "input_json_delta", "partial_json", '{"a"'),
            ],
        ),
        (chat({"content": "So"}), []),
        (chat({"content": " be it"}), []),
        (
            chat(call(0, ":1}")),
            [
                piece(0, "input_json_delta", "partial_json", ":1}"),
                closed(0),
                opened(1, **TEXT),
                piece(1, "text_delta", "text", "So"),
                piece(1, "text_delta", "text", " be it"),
            ],
        ),
    )


def test_a37_null_fields_say_nothing() -> None:
    nothing = {"content": None, "reasoning_content": None, "tool_calls": None, "role": None}
    heard = play(
        PAIR,
        (chat(nothing, usage=None), [started()]),
        (chat({"tool_calls": []}), []),
        (chat({"tool_calls": [{"index": None, "id": None, "function": None}]}), []),
        (chat({"content": "x"}), [opened(0, **TEXT), piece(0, "text_delta", "text", "x")]),
    )
    assert heard.phase == "failed"


def test_a37_ids_are_made_up_and_stay() -> None:
    pieces = [
        chat(call(None, '{"a"', "f")),
        chat(call(None, ":1}")),
        chat(call(None, "{}", "g")),
        chat({}, "tool_calls"),
        CHAT_DONE,
    ]
    heard = hear(PAIR, *pieces)
    blocks = [e["content_block"] for e in said(heard.out) if e["type"] == "content_block_start"]
    assert [(block["id"], block["name"]) for block in blocks] == [
        (f"call_{REPLY_ID}_0", "f"),
        (f"call_{REPLY_ID}_1", "g"),
    ]
    assert hear(PAIR, *pieces) == heard


def test_a37_a_call_without_a_name_is_never_emitted() -> None:
    heard = hear(PAIR, chat(call(0, "{}", "")), chat({"content": "x"}), chat({}, "stop"), CHAT_DONE)
    assert b"tool_use" not in heard.out
    assert heard.stop_reason == "end_turn"


def test_a37_a_name_that_comes_late_still_counts() -> None:
    late = [chat(call(0, '{"a"', id="i!")), chat(call(0, "", "f")), chat(call(0, ":1}"))]
    heard = hear(PAIR, *late, chat({}, "stop"), CHAT_DONE)
    assert said(heard.out)[1] == opened(0, type="tool_use", id="i_", name="f", input={})
    assert heard.stop_reason == "tool_use"


def test_a_reply_without_finish_reason_ends_at_done() -> None:
    heard = hear(PAIR, chat({"content": "x"}), CHAT_DONE)
    assert (heard.phase, heard.stop_reason) == ("ended", "end_turn")


def test_a_reply_without_done_ends_at_its_finish_reason() -> None:
    heard = hear(PAIR, chat({"content": "x"}), chat({}, "length"))
    assert (heard.phase, heard.stop_reason) == ("ended", "max_tokens")


def test_other_choices_are_not_mixed_in() -> None:
    second = b'data: {"choices":[{"index":1,"delta":{"content":"no"}}]}\n\n'
    assert b"no" not in hear(PAIR, chat({"content": "yes"}), second).out


def test_a_chunk_without_id_gets_one() -> None:
    heard = hear(PAIR, b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n')
    assert said(heard.out)[0]["message"]["id"] == REPLY_ID


def test_a_refusal_is_told_as_text() -> None:
    heard = hear(PAIR, chat({"refusal": "I won't."}), chat({}, "content_filter"), CHAT_DONE)
    assert said(heard.out)[2] == piece(0, "text_delta", "text", "I won't.")
    assert heard.stop_reason == "refusal"
