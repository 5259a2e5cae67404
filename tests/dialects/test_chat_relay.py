"""Chat in, Chat out: the bytes themselves pass, but for what the gateway owns."""

import json
from typing import Any

import pytest
from dialogue import (
    ASKED,
    CHAT_DONE,
    CREATED,
    DONE,
    REPLY_ID,
    Json,
    Pair,
    call,
    chat,
    fold,
    hear,
    play,
    said,
)

from proxy.tokens.scale import Scale

PAIR: Pair = ("chat", "openai")
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


def asked(frame: bytes) -> bytes:
    """The same bytes with the client's name of the model."""
    return frame.replace(b'"model":"glm-4.6"', b'"model":"asked-model"')


FIRST = chat({"role": "assistant", "content": "x"})
UNTOUCHED = [
    chat({"content": 'it says "usage": {} and "finish_reason":"stop" and [DONE] and "model":"y"'}),
    chat({"content": "x", "brand_new": {"a": 1}}, obfuscation="zz"),
    chat({"content": "x"}, system_fingerprint=None, usage=None),
    chat({"content": None, "reasoning_content": None, "tool_calls": None}),
    chat({"tool_calls": []}),
    chat(call(0, "{}", "f", id="i", type="function")),
    b": a comment\n\n",
    b"event: ping\nid: 3\n\n",
]


@pytest.mark.parametrize("frame", UNTOUCHED)
@pytest.mark.parametrize("waiting", [True, False])
def test_what_is_not_ours_passes_byte_for_byte(frame: bytes, waiting: bool) -> None:
    before = [chat({"role": "assistant"})] if waiting else [FIRST]
    heard = hear(PAIR, *before, frame)
    assert heard.out == asked(before[0]) + asked(frame)


def test_a_run_of_frames_passes_like_its_frames() -> None:
    frames = [FIRST, *UNTOUCHED, chat({}, "stop", usage=USAGE), CHAT_DONE]
    assert hear(PAIR, b"".join(frames)) == hear(PAIR, *frames)


def test_a_python_spelling_of_json_passes_too() -> None:
    body: Json = {"id": "c", "object": "o", "created": 1, "model": "glm-4.6"}
    body["choices"] = [{"index": 0, "delta": {"content": "x"}}]
    frames = [f"data: {json.dumps(body)}\n\n".encode()] * 3
    heard = hear(PAIR, *frames)
    assert heard.out == b"".join(frames).replace(b'"model": "glm-4.6"', b'"model":"asked-model"')
    body["choices"] = [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert hear(PAIR, *frames, f"data: {json.dumps(body)}\n\n".encode()).stop_reason == "length"


def test_missing_keys_are_added_to_every_chunk() -> None:
    bare = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'
    for told in said(hear(PAIR, bare, bare, CHAT_DONE).out)[:-1]:
        assert {key: told[key] for key in ("id", "object", "created", "model")} == {
            "id": REPLY_ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": ASKED,
        }
    odd = b'data: {"id":"c9","created":5,"choices":null}\n\n'
    assert said(hear(PAIR, odd).out)[0]["choices"] == []


def ended(finish: str, **more: Any) -> Json:
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": finish}
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": ASKED}
    return {**head, "choices": [choice], **more}


def test_a18_usage_not_asked_for_stands_on_the_finish_chunk() -> None:
    play(
        PAIR,
        (FIRST, said(asked(FIRST))),
        (chat({"content": ""}, "stop", usage=USAGE), []),
        (CHAT_DONE, [ended("stop", usage=USAGE), DONE]),
    )


def test_a18_usage_asked_for_comes_in_a_chunk_of_its_own() -> None:
    own = {**ended("stop"), "choices": [], "usage": USAGE}
    play(
        PAIR,
        (FIRST, said(asked(FIRST))),
        (chat({"content": ""}, "stop", usage=USAGE), []),
        (CHAT_DONE, [ended("stop"), own, DONE]),
        include_usage=True,
    )


@pytest.mark.parametrize("include_usage", [True, False])
def test_a18_a_separate_usage_chunk_of_the_upstream_tells_the_same(include_usage: bool) -> None:
    finish = {"content": ""}
    separate = b'data: {"id":"c1","choices":[],"usage":' + json.dumps(USAGE).encode() + b"}\n\n"
    apart = hear(
        PAIR, FIRST, chat(finish, "stop"), separate, CHAT_DONE, include_usage=include_usage
    )
    joint = hear(
        PAIR, FIRST, chat(finish, "stop", usage=USAGE), CHAT_DONE, include_usage=include_usage
    )
    assert said(apart.out) == said(joint.out)
    assert apart.usage == joint.usage


def test_a18_no_usage_told() -> None:
    frames = [FIRST, chat({"content": ""}, "stop"), CHAT_DONE]
    assert said(hear(PAIR, *frames).out)[1:] == [ended("stop"), DONE]
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    own = {**ended("stop"), "choices": [], "usage": zero}
    assert said(hear(PAIR, *frames, include_usage=True).out)[1:] == [ended("stop"), own, DONE]


def test_a08_usage_is_scaled_once_and_adds_up() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 9, "audio_tokens": 4}}
    heard = hear(PAIR, FIRST, chat({}, "stop", usage=usage), CHAT_DONE, scale=Scale(1, 2))
    assert said(heard.out)[1]["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 2,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 2},
    }
    assert heard.usage.prompt == 10


def test_usage_told_in_between_is_kept_for_the_end() -> None:
    early = chat({"content": "y"}, usage={"prompt_tokens": 10, "completion_tokens": 1})
    heard = hear(PAIR, FIRST, early, chat({}, "stop", usage=USAGE), CHAT_DONE)
    assert ["usage" in told for told in said(heard.out)[:-1]] == [False, False, True]
    assert heard.usage.output == 4


def test_a_finish_reason_is_an_end_without_done_and_done_without_a_finish_reason() -> None:
    silent = hear(PAIR, FIRST, chat({}, "stop", usage=USAGE))
    assert silent == hear(PAIR, FIRST, chat({}, "stop", usage=USAGE), CHAT_DONE)
    done = hear(PAIR, FIRST, CHAT_DONE)
    assert (done.phase, said(done.out)[1:]) == ("ended", [DONE])


def test_done_alone_is_no_reply() -> None:
    heard = hear(PAIR, CHAT_DONE)
    assert (heard.phase, heard.out) == ("failed", b"")


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("sensitive", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("brand_new", "brand_new"),
    ],
)
def test_zais_own_finish_reasons_become_known_ones(told: str, known: str) -> None:
    heard = hear(PAIR, FIRST, chat({}, told), CHAT_DONE)
    assert said(heard.out)[1]["choices"][0]["finish_reason"] == known
    assert heard.stop_reason == told


def choices(*told: tuple[int, str, str | None]) -> bytes:
    body = json.loads(FIRST.removeprefix(b"data: "))
    body["choices"] = [
        {
            "index": i,
            "delta": {"content": text},
            "finish_reason": finish,
            "logprobs": {"content": [text]},
        }
        for i, text, finish in told
    ]
    return f"data: {json.dumps(body)}\n\n".encode()


def test_several_choices_and_logprobs_survive_stream_and_fold() -> None:
    heard = hear(
        PAIR,
        choices((0, "a", None), (1, "A", None)),
        choices((1, "B", "length")),
        choices((0, "b", "stop")),
        CHAT_DONE,
    )
    body = fold("chat", heard.out)
    assert [
        (c["index"], c["message"]["content"], c["finish_reason"], c["logprobs"]["content"])
        for c in body["choices"]
    ] == [(0, "ab", "stop", ["a", "b"]), (1, "AB", "length", ["A", "B"])]


def test_a37_missing_ids_indices_and_types_are_added() -> None:
    function = {"name": "f", "arguments": '{"a"'}
    play(
        PAIR,
        (
            chat(call(None, '{"a"', "f")),
            [
                piece(
                    {
                        "index": 0,
                        "id": f"call_{REPLY_ID}_0",
                        "type": "function",
                        "function": function,
                    }
                )
            ],
        ),
        (chat(call(None, ":1}")), [piece({"index": 0, "function": {"arguments": ":1}"}})]),
        (
            chat(call(None, {"b": 2}, "g", id="i")),
            [
                piece(
                    {
                        "index": 1,
                        "id": "i",
                        "type": "function",
                        "function": {"name": "g", "arguments": '{"b":2}'},
                    }
                )
            ],
        ),
    )


def piece(told: Json) -> Json:
    head = {"id": "c1", "created": 7, "object": "chat.completion.chunk", "model": ASKED}
    return {**head, "choices": [{"index": 0, "delta": {"tool_calls": [told]}}]}


def test_a37_a_name_that_comes_late_is_waited_for() -> None:
    whole = {
        "index": 0,
        "id": "i",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
    empty = {**piece({}), "choices": [{"index": 0, "delta": {}}]}
    play(
        PAIR,
        (chat(call(0, "{", "", id="i")), [empty]),
        (chat(call(0, "}", "f")), [piece(whole)]),
        (chat(call(0, "", "")), [piece({"index": 0, "function": {"arguments": ""}})]),
    )


def test_a11_calls_under_one_index_are_told_apart() -> None:
    first = call(0, "{}", "f", id="i", type="function")
    second = call(0, "{}", "g", id="j", type="function")
    heard = hear(PAIR, chat(first), chat(second), chat(call(0, " ", id="j")))
    calls = [told["choices"][0]["delta"]["tool_calls"][0] for told in said(heard.out)]
    assert [each["index"] for each in calls] == [0, 1, 1]


def test_a11_fragments_follow_their_call_when_an_index_is_used_again() -> None:
    """The first call's pieces pass unseen once it is under way; then its index means another."""
    first = [call(0, '{"a"', "f", id="i", type="function"), call(0, ":1"), call(0, "}")]
    second = [call(0, '{"b"', "g", id="j", type="function"), call(0, ":2"), call(0, "}")]
    frames = [FIRST, *(chat(each) for each in first + second), chat({}, "tool_calls"), CHAT_DONE]
    heard = hear(PAIR, *frames)
    assert heard == hear(PAIR, b"".join(frames))
    calls = fold("chat", heard.out)["choices"][0]["message"]["tool_calls"]
    assert [each["function"]["arguments"] for each in calls] == ['{"a":1}', '{"b":2}']
    assert heard.out.startswith(
        b"".join(asked(chat(each)) for each in [{"role": "assistant", "content": "x"}, *first])
    )


@pytest.mark.parametrize(
    "odd",
    [[3], "x", {"id": 5}, [{"index": "0", "id": 7, "function": {"name": 8}}], [{"function": 1}]],
)
def test_odd_calls_break_nothing(odd: Any) -> None:
    heard = hear(PAIR, chat({"tool_calls": odd}), FIRST, chat({}, "stop"), CHAT_DONE)
    assert heard.phase == "ended"
