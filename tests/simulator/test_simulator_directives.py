"""What the prompt asks for, on both endpoints over a real socket."""

from typing import Any

import aiohttp
import pytest
from simulator_talk import (
    BOTH,
    KEY,
    Talk,
    png,
    question,
    stop_of,
    talking,
    text_deltas,
    text_of,
    thinking_of,
)

from proxy.simulator import Script
from proxy.simulator.turn import EndpointName

STOPS: dict[str, dict[EndpointName, str]] = {
    "end": {"anthropic": "end_turn", "openai": "stop"},
    "tool": {"anthropic": "tool_use", "openai": "tool_calls"},
    "length": {"anthropic": "max_tokens", "openai": "length"},
}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tools(endpoint: EndpointName, *names: str) -> list[dict[str, Any]]:
    if endpoint == "anthropic":
        return [{"name": name, "input_schema": CITY} for name in names]
    functions = [{"name": name, "parameters": CITY} for name in names]
    return [{"type": "function", "function": function} for function in functions]


def calls(endpoint: EndpointName, events: list[Any]) -> list[str]:
    if endpoint == "anthropic":
        blocks = [event.get("content_block", {}) for event in events]
        return [block["name"] for block in blocks if block.get("type") == "tool_use"]
    deltas = [event["choices"][0]["delta"] for event in events]
    return [c["function"]["name"] for delta in deltas for c in delta.get("tool_calls", [])]


@pytest.mark.parametrize("endpoint", BOTH)
async def test_plain_text_gets_a_friendly_answer_in_several_deltas(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "Good morning")
    text = text_of(endpoint, answered)
    assert "glm-4.7" in text
    assert endpoint in text
    assert len(text_deltas(endpoint, answered)) > 5
    assert thinking_of(endpoint, answered) == ""
    assert stop_of(endpoint, answered) == STOPS["end"][endpoint]


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    ("text", "more", "thinks"),
    [
        ("please think", {}, True),
        ("hello", {"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ("please think", {"thinking": {"type": "disabled"}}, False),
        ("hello", {"model": "glm-5.3"}, True),
    ],
)
async def test_thinking_comes_first(
    endpoint: EndpointName, text: str, more: dict[str, Any], thinks: bool
) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, text, **more)
    assert bool(thinking_of(endpoint, answered)) == thinks
    assert text_of(endpoint, answered)
    mark = b"thinking_delta" if endpoint == "anthropic" else b"reasoning_content"
    other = b"text_delta" if endpoint == "anthropic" else b'"content"'
    assert answered.raw.find(mark) < answered.raw.find(other)


@pytest.mark.parametrize("effort", ["none", "high"])
async def test_reasoning_effort_decides_on_the_openai_endpoint(effort: str) -> None:
    async with talking() as talk:
        answered = await talk.ask("openai", "think", reasoning_effort=effort)
    assert bool(thinking_of("openai", answered)) == (effort == "high")


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("use weather", ["weather"]),
        ("Call WEATHER please", ["weather"]),
        ("what does get_time say, and weather?", ["get_time", "weather"]),
        ("weather and weather again", ["weather"]),
        ("the weatherman has get_times", []),
    ],
)
async def test_tools_are_called_by_name(
    endpoint: EndpointName, text: str, called: list[str]
) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, text, tools=tools(endpoint, "weather", "get_time"))
    assert calls(endpoint, answered.events) == called
    assert stop_of(endpoint, answered) == STOPS["tool" if called else "end"][endpoint]


@pytest.mark.parametrize("endpoint", BOTH)
async def test_no_tool_is_called_that_was_not_sent(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "use weather")
    assert calls(endpoint, answered.events) == []


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    ("anthropic", "openai", "called"),
    [
        ({"type": "any"}, "required", ["weather"]),
        (
            {"type": "tool", "name": "get_time"},
            {"type": "function", "function": {"name": "get_time"}},
            ["get_time"],
        ),
        ({"type": "auto"}, "auto", []),
    ],
)
async def test_a_choice_can_force_a_call(
    endpoint: EndpointName, anthropic: Any, openai: Any, called: list[str]
) -> None:
    choice = {"anthropic": anthropic, "openai": openai}[endpoint]
    offered = tools(endpoint, "weather", "get_time")
    async with talking() as talk:
        answered = await talk.ask(endpoint, "hello", tools=offered, tool_choice=choice)
    assert calls(endpoint, answered.events) == called


@pytest.mark.parametrize(
    ("endpoint", "choice"), [("anthropic", {"type": "none"}), ("openai", "none")]
)
async def test_a_choice_can_forbid_a_call(endpoint: EndpointName, choice: Any) -> None:
    offered = tools(endpoint, "weather")
    async with talking() as talk:
        answered = await talk.ask(endpoint, "use weather", tools=offered, tool_choice=choice)
    assert calls(endpoint, answered.events) == []


HISTORIES: dict[EndpointName, list[dict[str, Any]]] = {
    "anthropic": [
        {"role": "user", "content": "use weather and get_time"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "18 °C\n  rain"},
                {
                    "type": "tool_result",
                    "tool_use_id": "call_2",
                    "content": [{"type": "text", "text": "noon"}],
                },
            ],
        },
    ],
    "openai": [
        {"role": "user", "content": "use weather and get_time"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "18 °C\n  rain"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "noon"}]},
    ],
}


@pytest.mark.parametrize("endpoint", BOTH)
async def test_tool_results_are_quoted_and_no_tool_is_called_again(endpoint: EndpointName) -> None:
    offered = tools(endpoint, "weather", "get_time")
    async with talking() as talk:
        answered = await talk.ask(endpoint, "", messages=HISTORIES[endpoint], tools=offered)
    text = text_of(endpoint, answered)
    assert "18 °C\n  rain" in text
    assert "noon" in text
    assert calls(endpoint, answered.events) == []


@pytest.mark.parametrize("prefix", ["", "data:image/jpeg;base64,"])
async def test_a_vision_model_tells_an_images_own_type_and_size(prefix: str) -> None:
    image = {"type": "image_url", "image_url": {"url": prefix + png(7, 5)}}
    async with talking() as talk:
        answered = await talk.ask("openai", "", model="glm-4.6v", messages=[_user("what?", image)])
    assert "image/png, 7 x 5 pixels" in text_of("openai", answered)


async def test_an_image_url_is_named_and_never_fetched() -> None:
    async with talking() as talk:
        url = talk.address.origin + "/picture.png"
        image = {"type": "image_url", "image_url": {"url": url}}
        answered = await talk.ask("openai", "", model="glm-4.6v", messages=[_user("what?", image)])
    assert url in text_of("openai", answered)
    assert len(talk.script.requests) == 1


async def test_a_text_model_on_the_anthropic_endpoint_saw_no_image() -> None:
    image = _anthropic_image(png(7, 5))
    nested = {"type": "tool_result", "tool_use_id": "c", "content": [image]}
    async with talking() as talk:
        for block in (image, nested):
            message = {"role": "user", "content": [block]}
            answered = await talk.ask("anthropic", "", messages=[message])
            assert "glm-4.7 saw no image" in text_of("anthropic", answered)
            assert "pixels" not in text_of("anthropic", answered)


async def test_a_vision_model_on_the_anthropic_endpoint_sees_inline_images() -> None:
    messages = [_user("what?", _anthropic_image(png(7, 5)))]
    async with talking() as talk:
        answered = await talk.ask("anthropic", "", messages=messages, model="glm-4.6v")
    assert "image/png, 7 x 5 pixels" in text_of("anthropic", answered)


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    ("code", "chat_status", "messages_status", "kind"),
    [
        ("1302", 429, 429, "rate_limit_error"),
        ("1305", 429, 529, "overloaded_error"),
        ("1113", 429, 429, "rate_limit_error"),
        ("1261", 400, 400, "invalid_request_error"),
        ("1002", 401, 401, "authentication_error"),
        ("500", 500, 500, "api_error"),
    ],
)
async def test_an_error_is_sent_as_the_endpoint_sends_it(
    endpoint: EndpointName, code: str, chat_status: int, messages_status: int, kind: str
) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, f"Please give me error {code}.")
    error = answered.json["error"]
    if endpoint == "openai":
        assert answered.status == chat_status
        assert list(answered.json) == ["error"]
        assert list(error) == ["code", "message"]
    else:
        assert answered.status == messages_status
        assert error["type"] == kind
        assert error["message"].startswith(f"[{code}][")
        assert error["message"].endswith(f"[{answered.json['request_id']}]")
    assert error["code"] == code


async def test_an_overload_of_the_anthropic_endpoint_says_when_to_come_back() -> None:
    async with talking() as talk:
        messages = await talk.ask("anthropic", "error 529")
        chat = await talk.ask("openai", "error 529")
    assert (messages.status, messages.json["error"]["code"]) == (529, "1305")
    assert messages.headers["x-should-retry"] == "true"
    assert int(messages.headers["retry-after"]) > 0
    assert chat.status == 529
    assert "retry-after" not in chat.headers


@pytest.mark.parametrize("endpoint", BOTH)
async def test_an_error_in_200_comes_before_any_event(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "error 1305 in 200")
    assert answered.status == 200
    assert answered.headers["Content-Type"].startswith("text/event-stream")
    names = [name for name, _ in answered.frames]
    assert names == [("error" if endpoint == "anthropic" else None), None]
    assert answered.events[0]["error"]["code"] == "1305"
    assert answered.frames[-1][1] == "[DONE]"


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_json_error_hides_behind_200(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "json error 1302")
    assert answered.status == 200
    assert answered.headers["Content-Type"] == "application/json"
    assert answered.json["code"] == 1302
    assert answered.json["success"] is False


@pytest.mark.parametrize("endpoint", BOTH)
async def test_an_unknown_error_code_is_plain_text(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "error 4321")
    assert stop_of(endpoint, answered) == STOPS["end"][endpoint]


@pytest.mark.parametrize("endpoint", BOTH)
async def test_counting_takes_a_delta_a_number(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "count to 12, slowly")
    deltas = text_deltas(endpoint, answered)
    assert [int(delta) for delta in deltas] == list(range(1, 13))


@pytest.mark.parametrize("endpoint", BOTH)
async def test_an_overflow_is_200_without_content(endpoint: EndpointName) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "overflow")
        whole = await talk.ask(endpoint, "overflow", stream=False)
    assert answered.status == whole.status == 200
    assert stop_of(endpoint, answered) == "model_context_window_exceeded"
    assert text_of(endpoint, answered) == ""
    if endpoint == "anthropic":
        assert answered.events[-2]["usage"] == {"input_tokens": 0, "output_tokens": 0}
        assert whole.json["content"] == []
    else:
        assert answered.events[-1]["usage"]["total_tokens"] == 0
        assert whole.json["choices"][0]["finish_reason"] == "model_context_window_exceeded"


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize("reason", ["sensitive", "network_error"])
async def test_an_answer_can_finish_for_zais_own_reasons(
    endpoint: EndpointName, reason: str
) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, f"finish {reason}")
    assert stop_of(endpoint, answered) == reason


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize("max_tokens", [1, 5])
async def test_max_tokens_ends_the_answer(endpoint: EndpointName, max_tokens: int) -> None:
    async with talking() as talk:
        answered = await talk.ask(endpoint, "count to 100", max_tokens=max_tokens)
    assert len(text_deltas(endpoint, answered)) == max_tokens
    assert stop_of(endpoint, answered) == STOPS["length"][endpoint]
    key, place = ("output_tokens", -2) if endpoint == "anthropic" else ("completion_tokens", -1)
    assert answered.events[place]["usage"][key] == max_tokens


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_call_that_does_not_fit_is_not_made(endpoint: EndpointName) -> None:
    offered = tools(endpoint, "weather")
    async with talking() as talk:
        answered = await talk.ask(endpoint, "use weather", tools=offered, max_tokens=1)
    assert calls(endpoint, answered.events) == []
    assert stop_of(endpoint, answered) == STOPS["length"][endpoint]


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_cut_answer_breaks_off_in_its_text(endpoint: EndpointName, stream: bool) -> None:
    got = bytearray()
    async with talking() as talk, _post(talk, endpoint, "count to 10, cut", stream) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await _read_into(got, response)
    assert response.status == 200
    if stream:
        assert b'" 5"' in got
        assert b'" 6"' not in got
        assert got.endswith(b"\n\n")
        assert b"content_block_stop" not in got
        assert b"finish_reason" not in got
    else:
        assert got.startswith(b"{")
        assert not got.endswith(b"}")


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_cut_answer_shows_at_least_one_delta(endpoint: EndpointName) -> None:
    got = bytearray()
    async with talking() as talk, _post(talk, endpoint, "count to 1, cut") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await _read_into(got, response)
    assert b'"1"' in got


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_stalled_answer_shows_one_delta_and_waits(endpoint: EndpointName) -> None:
    async with talking() as talk:
        async with _post(talk, endpoint, "count to 10 and stall") as response:
            got = await response.content.readuntil(b'"1"')
            rest = await response.content.readuntil(b"\n\n")
            assert b'" 2"' not in got + rest
            response.close()
        await talk.script.gone.reach(1)


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize("stream", [True, False])
async def test_silence_is_headers_and_nothing_else(endpoint: EndpointName, stream: bool) -> None:
    async with talking() as talk:
        async with _post(talk, endpoint, "silence", stream) as response:
            kind = "text/event-stream" if stream else "application/json"
            assert response.headers["Content-Type"].startswith(kind)
            response.close()
        await talk.script.gone.reach(1)


@pytest.mark.parametrize("endpoint", BOTH)
async def test_a_client_may_leave_a_slow_answer(endpoint: EndpointName) -> None:
    script = Script(pace=3600)
    async with talking(script) as talk:
        async with _post(talk, endpoint, "slowly count to 3") as response:
            await response.content.readany()
            response.close()
        await script.gone.reach(1)


@pytest.mark.parametrize("endpoint", BOTH)
async def test_words_of_the_coding_agent_are_no_directives(endpoint: EndpointName) -> None:
    parts = [
        {"type": "text", "text": "<system-reminder>\nerror 1302\n</system-reminder>"},
        {"type": "text", "text": "count to 2"},
        {"type": "text", "text": "<environment_details>overflow</environment_details>"},
    ]
    async with talking() as talk:
        answered = await talk.ask(endpoint, "", messages=[{"role": "user", "content": parts}])
    assert text_of(endpoint, answered) == "1 2"


@pytest.mark.parametrize("endpoint", BOTH)
async def test_only_the_last_turn_decides(endpoint: EndpointName) -> None:
    messages = [
        {"role": "user", "content": "error 1302"},
        {"role": "assistant", "content": "overflow"},
        {"role": "user", "content": "count to 2"},
    ]
    async with talking() as talk:
        answered = await talk.ask(endpoint, "", messages=messages)
    assert text_of(endpoint, answered) == "1 2"


def _user(text: str, block: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}, block]}


def _anthropic_image(data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    return {"type": "image", "source": source}


def _post(
    talk: Talk, endpoint: EndpointName, text: str, stream: bool = True
) -> aiohttp.client._RequestContextManager:
    body = question(text, stream=stream)
    return talk.session.post(talk.url(endpoint), json=body, headers=KEY)


async def _read_into(got: bytearray, response: aiohttp.ClientResponse) -> None:
    async for chunk in response.content.iter_any():
        got += chunk
