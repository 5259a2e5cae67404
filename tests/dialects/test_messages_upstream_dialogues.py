"""A Chat client and the Anthropic endpoint: events in, chunks out, side by side."""

from typing import Any

from dialogue import (
    ASKED,
    CREATED,
    DONE,
    END,
    REPLY_ID,
    Json,
    Pair,
    begin,
    delta,
    event,
    finish,
    hear,
    play,
    said,
    start,
    stop,
    text,
)

PAIR: Pair = ("chat", "anthropic")


def chunk(finish: str | None = None, /, **delta: Any) -> Json:
    head = {"id": "msg_1", "object": "chat.completion.chunk", "created": CREATED, "model": ASKED}
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def costs(prompt: int, completion: int, cached: int) -> Json:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def called(index: int, arguments: str) -> Json:
    return chunk(tool_calls=[{"index": index, "function": {"arguments": arguments}}])


def calling(index: int, call_id: str, name: str) -> Json:
    function = {"name": name, "arguments": ""}
    return chunk(
        tool_calls=[{"index": index, "id": call_id, "type": "function", "function": function}]
    )


ROLE = chunk(role="assistant", content="")
PING = event("ping")
TOOL = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}


def test_thinking_and_text() -> None:
    end = {**chunk("stop"), "usage": costs(9, 3, 4)}
    heard = play(
        PAIR,
        (begin(), [ROLE]),
        (PING, []),
        (start(0, {"type": "thinking", "thinking": "", "signature": ""}), []),
        (delta(0, "thinking_delta", "thinking", "Hm"), [chunk(reasoning_content="Hm")]),
        (delta(0, "signature_delta", "signature", "abc"), []),
        (stop(0), []),
        (start(1, {"type": "text", "text": ""}), []),
        (text(1, "Noon"), [chunk(content="Noon")]),
        (stop(1), []),
        (finish("end_turn", input_tokens=5, cache_read_input_tokens=4, output_tokens=3), []),
        (END, [end, DONE]),
        (text(1, "after the end"), []),
    )
    assert heard.phase == "ended"


def test_a11_each_call_has_its_index_and_a03_its_arguments() -> None:
    play(
        PAIR,
        (begin(), [ROLE]),
        (start(0, {"type": "text", "text": "Two."}), [chunk(content="Two.")]),
        (stop(0), []),
        (start(1, TOOL), [calling(0, "call_1", "f")]),
        (delta(1, "input_json_delta", "partial_json", ""), []),
        (delta(1, "input_json_delta", "partial_json", '{"a"'), [called(0, '{"a"')]),
        (delta(1, "input_json_delta", "partial_json", ":1}"), [called(0, ":1}")]),
        (stop(1), []),
        (start(2, {**TOOL, "id": "call_2", "name": "g"}), [calling(1, "call_2", "g")]),
        (stop(2), [called(1, "{}")]),
        (finish("tool_use", input_tokens=1, output_tokens=2), []),
    )


def test_a03_arguments_told_only_at_the_start_are_not_lost() -> None:
    heard = hear(PAIR, begin(), start(0, {**TOOL, "input": {"a": 1}}), stop(0))
    assert called(0, '{"a": 1}') in said(heard.out)
    heard = hear(PAIR, begin(), start(0, {**TOOL, "input": None}), stop(0))
    assert called(0, "{}") in said(heard.out)


def test_a37_null_arguments_and_missing_ids() -> None:
    null = event(
        "content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": None}
    )
    heard = hear(PAIR, begin(), start(0, {"type": "tool_use", "name": "f"}), null, stop(0))
    assert said(heard.out)[1:] == [calling(0, f"call_{REPLY_ID}_0", "f"), called(0, "{}")]
    nameless = start(0, {"type": "tool_use", "id": "i", "name": None})
    heard = hear(
        PAIR, begin(), nameless, delta(0, "input_json_delta", "partial_json", "{}"), stop(0)
    )
    assert said(heard.out) == [ROLE]


def test_a21_server_tools_are_not_calls_for_the_client() -> None:
    result = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
    heard = play(
        PAIR,
        (begin(), [ROLE]),
        (start(0, {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}), []),
        (delta(0, "input_json_delta", "partial_json", '{"query":"x"}'), []),
        (stop(0), []),
        (start(1, result), []),
        (stop(1), []),
        (start(2, {"type": "redacted_thinking", "data": "zzz"}), []),
        (stop(2), []),
        (start(3, {"type": "thinking", "thinking": "Hm"}), [chunk(reasoning_content="Hm")]),
    )
    assert b"web_search" not in heard.out


def test_unknown_events_deltas_and_fields_are_passed_over() -> None:
    heard = play(
        PAIR,
        (begin(new_field=1), [ROLE]),
        (event("brand_new_event", data=[1]), []),
        (
            event(
                "content_block_delta", index=0, delta={"type": "citations_delta", "citation": {}}
            ),
            [],
        ),
        (b'event: x\ndata: {"type":"weird","text":"\\ud83d"}\n\n', []),
        (b"data: [DONE]\n\n", []),
        (text(0, "x"), [chunk(content="x")]),
        (b": comment\n\n", []),
    )
    assert heard.phase == "failed"


def test_only_what_ends_has_a_finish_reason() -> None:
    """A stop reason without `message_stop` is a broken stream, and is not told as a clean end."""
    heard = hear(PAIR, begin(), text(0, "x"), finish("end_turn", output_tokens=1))
    assert heard.phase == "failed"
    assert all(not each["choices"][0]["finish_reason"] for each in said(heard.out))


def test_usage_told_in_between_is_no_end() -> None:
    heard = hear(
        PAIR,
        begin(),
        finish(None, output_tokens=1),
        text(0, "x"),
        finish("max_tokens", output_tokens=7),
        finish(None, output_tokens=8),
        END,
    )
    *_, last, done = said(heard.out)
    assert (last["choices"][0]["finish_reason"], done) == ("length", DONE)
    assert last["usage"]["completion_tokens"] == 8


def test_a_head_without_id_gets_one() -> None:
    assert said(hear(PAIR, begin(id="")).out)[0]["id"] == REPLY_ID
    assert said(hear(PAIR, event("message_start", message={})).out)[0]["id"] == REPLY_ID
