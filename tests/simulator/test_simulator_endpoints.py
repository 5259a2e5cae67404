"""The two endpoints' own ways: frames, keys, ids, usage, routes (zai.md 1.2, 2.2)."""

import json
import re
from typing import Any

import pytest
from simulator_talk import BOTH, KEY, Answered, png, question, stop_of, talking, text_of

from proxy.simulator.turn import EndpointName, Picture

ADD = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
TOOLS: dict[EndpointName, list[dict[str, Any]]] = {
    "anthropic": [{"name": "add", "input_schema": ADD}],
    "openai": [{"type": "function", "function": {"name": "add", "parameters": ADD}}],
}
CALL_ID = re.compile(r"call_[0-9a-f]{24}")


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_stream_has_zais_content_type(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "hello")
    assert answered.headers["Content-Type"] == "text/event-stream;charset=UTF-8"


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize("stream", [True, False])
async def test_the_same_request_gets_the_same_reply(endpoint: EndpointName, stream: bool) -> None:
    async with talking() as talk:
        asked = question("think, then use add", stream=stream, tools=TOOLS[endpoint])
        replies = {(await talk.post(endpoint, asked)).raw for _ in range(2)}
        other = await talk.post(endpoint, question("think, then use  add"))
    assert len(replies) == 1
    assert other.raw not in replies


async def test_messages_events_come_in_order_and_count_only_at_the_end() -> None:
    async with talking() as talk:
        answered = await talk.ask("anthropic", "think, then count to 2")
    assert [name for name, _ in answered.frames] == [event["type"] for event in answered.events]
    assert [event["type"] for event in answered.events if "delta" not in event] == [
        "message_start",
        "ping",
        "content_block_start",
        "content_block_stop",
        "content_block_start",
        "content_block_stop",
        "message_stop",
    ]
    start, end = answered.events[0]["message"], answered.events[-2]
    assert start["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert re.fullmatch(r"msg_\d{14}[0-9a-f]{14}", start["id"])
    assert end["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert list(end["usage"]) == [
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "server_tool_use",
        "service_tier",
    ]
    assert end["usage"]["input_tokens"] > 0
    assert end["usage"]["output_tokens"] > 2


async def test_messages_thinking_has_an_empty_signature_and_no_signature_delta() -> None:
    async with talking() as talk:
        answered = await talk.ask("anthropic", "think")
        whole = await talk.ask("anthropic", "think", stream=False)
    block = answered.events[2]["content_block"]
    assert block == {"type": "thinking", "thinking": "", "signature": ""}
    assert b"signature_delta" not in answered.raw
    assert whole.json["content"][0]["signature"] == ""
    assert whole.json["content"][0]["thinking"]


async def test_messages_tool_arguments_come_in_one_piece() -> None:
    async with talking() as talk:
        answered = await talk.ask("anthropic", "use add", tools=TOOLS["anthropic"])
    start, delta, stop = answered.events[2:5]
    assert CALL_ID.fullmatch(start["content_block"].pop("id"))
    assert start["content_block"] == {"type": "tool_use", "name": "add", "input": {}}
    assert delta["delta"] == {"type": "input_json_delta", "partial_json": '{"a":1,"b":1}'}
    assert stop["type"] == "content_block_stop"
    assert stop_of("anthropic", answered) == "tool_use"


async def test_an_unstreamed_messages_answer_has_lost_its_tool_arguments() -> None:
    async with talking() as talk:
        asked = question("use add", stream=False, tools=TOOLS["anthropic"])
        answered = (await talk.post("anthropic", asked)).json
    assert answered["content"][0]["name"] == "add"
    assert answered["content"][0]["input"] == {}
    assert answered["stop_reason"] == "tool_use"
    assert "request_id" not in answered


async def test_chat_deltas_carry_a_role_and_the_last_chunk_everything() -> None:
    async with talking() as talk:
        answered = await talk.ask("openai", "think, then count to 2")
    *chunks, last = answered.events
    assert {name for name, _ in answered.frames} == {None}
    assert answered.frames[-1] == (None, "[DONE]")
    for chunk in chunks:
        assert list(chunk) == ["id", "created", "object", "model", "choices"]
        assert list(chunk["choices"][0]) == ["index", "delta"]
        assert chunk["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"] == [
        {"index": 0, "finish_reason": "stop", "delta": {"role": "assistant", "content": ""}}
    ]
    usage = last["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


async def test_chat_tool_calls_come_whole_and_without_role() -> None:
    async with talking() as talk:
        answered = await talk.ask("openai", "think, then use add", tools=TOOLS["openai"])
    line_break, call = (event["choices"][0]["delta"] for event in answered.events[-3:-1])
    assert line_break == {"role": "assistant", "content": "\n"}
    assert list(call) == ["tool_calls"]
    assert call["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":1,"b":1}'}
    assert CALL_ID.fullmatch(call["tool_calls"][0]["id"])
    assert stop_of("openai", answered) == "tool_calls"


@pytest.mark.parametrize(("model", "fragments"), [("glm-4.7", True), ("glm-4.5", False)])
async def test_tool_stream_breaks_arguments_where_the_model_can(
    model: str, fragments: bool
) -> None:
    async with talking() as talk:
        answered = await talk.ask(
            "openai", "use add", tools=TOOLS["openai"], tool_stream=True, model=model
        )
    calls = [e["choices"][0]["delta"].get("tool_calls") for e in answered.events[:-1]]
    first, *rest = (call[0]["function"] for call in calls)
    assert first["name"] == "add"
    assert bool(rest) == fragments == (first["arguments"] == "")
    assert first["arguments"] + "".join(f["arguments"] for f in rest) == '{"a":1,"b":1}'


async def test_an_unstreamed_chat_answer_is_complete_and_has_a_request_id() -> None:
    async with talking() as talk:
        asked = question("think, then use add", stream=False, tools=TOOLS["openai"])
        answered = (await talk.post("openai", asked)).json
    choice = answered["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == ""
    assert choice["message"]["reasoning_content"]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"a":1,"b":1}'
    assert answered["request_id"] == answered["id"]
    assert re.fullmatch(r"\d{14}[0-9a-f]{14}", answered["id"])


@pytest.mark.parametrize("model", ["glm-4.5-air", "glm-4.5-flash"])
async def test_small_models_count_without_details(model: str) -> None:
    async with talking() as talk:
        answered = await talk.ask("openai", "hello", model=model)
    assert "completion_tokens_details" not in answered.events[-1]["usage"]


async def test_both_endpoints_count_alike_one_with_and_one_without_cached_tokens() -> None:
    history = [
        {"role": "user", "content": "hello " * 50},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "count to 3"},
    ]
    async with talking() as talk:
        messages = (await talk.ask("anthropic", "", messages=history)).events[-2]["usage"]
        chat = (await talk.ask("openai", "", messages=history)).events[-1]["usage"]
        first = (await talk.ask("openai", "", messages=history[:1])).events[-1]["usage"]
    cached = chat["prompt_tokens_details"]["cached_tokens"]
    assert 0 < cached < chat["prompt_tokens"]
    assert first["prompt_tokens_details"]["cached_tokens"] == 0
    assert messages["cache_read_input_tokens"] == cached
    assert messages["input_tokens"] + cached == chat["prompt_tokens"]
    assert messages["output_tokens"] == chat["completion_tokens"] == 3 + 2


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("GLM-4.5", "glm-4.5"),
        ("claude-sonnet-4", "glm-4.7"),
        ("claude-3-5-haiku", "glm-4.5-air"),
    ],
)
async def test_the_answer_names_the_real_model(asked: str, served: str) -> None:
    async with talking() as talk:
        answered = await talk.ask("anthropic", "hello", model=asked)
    assert answered.events[0]["message"]["model"] == served
    assert served in text_of("anthropic", answered)


async def test_count_tokens_is_plausible_and_forgets_one_model() -> None:
    async with talking() as talk:
        url = talk.url("anthropic") + "/count_tokens"
        short, long, with_tools, forgotten = [
            (await talk.request("POST", url, json=body, headers=KEY)).json["input_tokens"]
            for body in (
                {"model": "glm-4.7", "messages": [{"role": "user", "content": "x" * 400}]},
                {"model": "glm-4.7", "messages": [{"role": "user", "content": "x" * 4000}]},
                question("x" * 400, tools=TOOLS["anthropic"]),
                question("x" * 400, model="glm-5.3"),
            )
        ]
    assert 100 <= short < 120
    assert 1000 <= long < 1020
    assert with_tools > short
    assert forgotten == 0


async def test_an_image_costs_tokens_where_it_is_seen() -> None:
    image = {"type": "image_url", "image_url": {"url": png(280, 560)}}
    text = {"type": "text", "text": "what is this"}
    async with talking() as talk:
        with_image, without = [
            (await talk.ask("openai", "", model="glm-4.6v", messages=[message])).events[-1]["usage"]
            for message in (
                {"role": "user", "content": [text, image]},
                {"role": "user", "content": [text]},
            )
        ]
    cost = with_image["prompt_tokens"] - without["prompt_tokens"]
    assert 10 * 20 + 2 <= cost < 10 * 20 + 20


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (566, 597, 420),
        (512, 512, 324),
        (1024, 1024, 1369),
        (1920, 1080, 2691),
        (4000, 3000, 7500),
        (1, 1, 8),
    ],
)
def test_an_image_is_counted_in_patches(width: int, height: int, tokens: int) -> None:
    assert Picture(width=width, height=height).tokens == tokens + 2


async def test_models_are_listed_in_each_endpoints_shape() -> None:
    async with talking() as talk:
        address = talk.address
        messages, coding, payg = [
            (await talk.request("GET", f"{base}/models", headers=KEY)).json
            for base in (f"{address.anthropic_base}/v1", address.openai_base, address.payg_base)
        ]
    assert messages["first_id"] == messages["data"][0]["id"]
    assert messages["data"][0]["type"] == "model"
    assert coding == payg
    assert {"id": "glm-5.3-flash", "object": "model"}.items() <= coding["data"][-2].items()


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/messages", "/nowhere"])
async def test_pay_as_you_go_has_the_chat_routes_only(path: str) -> None:
    async with talking() as talk:
        url = talk.address.payg_base + path
        answered = await talk.request("POST", url, json=question("hello"), headers=KEY)
    assert answered.status == 200
    if path == "/chat/completions":
        assert answered.frames[-1][1] == "[DONE]"
    else:
        assert answered.json == {"code": 500, "msg": "404 NOT_FOUND", "success": False}


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_wrong_method_is_an_unknown_route(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.request("GET", talk.url(endpoint), headers=KEY)
    assert (answered.status, answered.json["msg"]) == (200, "404 NOT_FOUND")


@pytest.mark.parametrize("route", ["/v1/messages", "/v1/models", "/v1/nowhere"])
async def test_without_a_key_the_anthropic_endpoint_says_401_before_routing(route: str) -> None:
    async with talking() as talk:
        url = talk.address.anthropic_base + route
        answered = await talk.request("POST", url, json={})
    assert answered.status == 401
    assert answered.json["error"]["type"] == "1001"
    assert "code" not in answered.json["error"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"x-api-key": "some-key"}])
async def test_without_its_header_the_openai_endpoint_says_401(headers: dict[str, str]) -> None:
    async with talking() as talk:
        answered = await talk.post("openai", question("hello"), headers)
    assert answered.status == 401
    assert list(answered.json["error"]) == ["code", "message"]
    assert answered.json["error"]["code"] == "1001"


@pytest.mark.parametrize("headers", [{"x-api-key": "k"}, {"Authorization": "bearer k"}])
async def test_the_anthropic_endpoint_takes_both_headers(headers: dict[str, str]) -> None:
    async with talking() as talk:
        answered = await talk.post("anthropic", question("hello"), headers)
    assert answered.status == 200


async def test_json_is_compact_and_not_escaped() -> None:
    async with talking() as talk:
        results = [
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "汐 née"},
        ]
        answered: Answered = await talk.ask("openai", "", messages=results)
    assert "汐".encode() in answered.raw
    assert (
        answered.raw.split(b"\n\n")[0].removeprefix(b"data: ")
        == json.dumps(answered.events[0], ensure_ascii=False, separators=(",", ":")).encode()
    )
