"""What z.ai refuses: a request and the refusal, over a real socket (zai.md 1.1, 1.3, 2.1)."""

import base64
from typing import Any

import pytest
from simulator_talk import BOTH, KEY, Answered, png, question, talking

from proxy.simulator.turn import EndpointName

USER = {"role": "user", "content": "hello"}
SYSTEM = {"role": "system", "content": "be brief"}
BMP = base64.b64encode(b"BM" + bytes(16) + (8).to_bytes(4, "little") * 2 + bytes(40)).decode()


def image_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def messages_image(**source: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image", "source": source}]}]


def with_pattern(endpoint: EndpointName, pattern: str) -> list[dict[str, Any]]:
    inner = {"type": "array", "items": {"type": "string", "pattern": pattern}}
    schema = {"type": "object", "properties": {"names": inner}}
    if endpoint == "anthropic":
        return [{"name": "Artifact", "input_schema": schema}]
    return [{"type": "function", "function": {"name": "Artifact", "parameters": schema}}]


async def post(endpoint: EndpointName, body: Any) -> Answered:
    async with talking() as talk:
        return await talk.post(endpoint, body)


def code_of(answered: Answered) -> tuple[int, str]:
    return answered.status, answered.json["error"]["code"]


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"model": "gpt-5"}, "1211"),
        ({"model": "glm-4.7[1m]"}, "1211"),
        ({"model": "glm-4.7-openai"}, "1211"),
        ({"model": "glm-4.7-anthropic"}, "1211"),
        ({"model": None}, "1211"),
        ({"model": 7}, "1211"),
        ({"messages": []}, "1214"),
        ({"messages": None}, "1214"),
        ({"messages": ["hello"]}, "1214"),
        ({"messages": [{"content": "no role"}]}, "1214"),
        ({"messages": [{"role": "user", "content": 7}]}, "1214"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "1214"),
        ({"max_tokens": 0}, "1210"),
        ({"max_tokens": 131_073}, "1210"),
        ({"max_tokens": "many"}, "1210"),
        ({"model": "glm-4.5-air", "max_tokens": 98_305}, "1210"),
        ({"temperature": 1.01}, "1210"),
        ({"temperature": -0.01}, "1210"),
        ({"temperature": "warm"}, "1210"),
        ({"top_p": 0}, "1210"),
        ({"top_p": 1.5}, "1210"),
        ({"model": "glm-5.3", "thinking": {"type": "disabled"}}, "1210"),
        ({"thinking": "yes"}, "1210"),
        ({"tools": "all"}, "1210"),
        ({"tools": [{}] * 129}, "1210"),
    ],
)
async def test_both_endpoints_refuse(
    endpoint: EndpointName, more: dict[str, Any], code: str
) -> None:
    assert code_of(await post(endpoint, question("hello", **more))) == (400, code)


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    "more",
    [
        {"model": "GLM-4.7"},
        {"model": "glm-99-new"},
        {"max_tokens": 1},
        {"max_tokens": 131_072},
        {"temperature": 0},
        {"temperature": 1},
        {"top_p": 0.01},
        {"model": "glm-4.7", "thinking": {"type": "disabled"}},
        {"tools": [{}] * 128},
        {"prompt_cache_key": "k", "store": True, "parallel_tool_calls": False},
    ],
)
async def test_both_endpoints_take(endpoint: EndpointName, more: dict[str, Any]) -> None:
    assert (await post(endpoint, question("hello", **more))).status == 200


@pytest.mark.parametrize("endpoint", BOTH)
async def test_what_is_not_an_object_is_1210(endpoint: EndpointName) -> None:
    async with talking() as talk:
        for raw in (b"{broken", b"[]", b"", b"\xff\xfe", b"[" * 100_000):
            answered = await talk.request("POST", talk.url(endpoint), data=raw, headers=KEY)
            assert code_of(answered) == (400, "1210")


@pytest.mark.parametrize("endpoint", BOTH)
async def test_max_tokens_above_the_cap_names_the_range(endpoint: EndpointName) -> None:
    answered = await post(endpoint, question("hello", model="glm-4.5-air", max_tokens=100_000))
    assert "max_tokens参数非法：限制数值范围[1,98304]" in answered.json["error"]["message"]


@pytest.mark.parametrize("endpoint", BOTH)
@pytest.mark.parametrize(
    ("pattern", "status"),
    [(r"^\p{L}+$", 400), (r"^[^\P{Cc}]$", 400), (r"^(?=a)[a-z]+$", 200), ("^p{2}$", 200)],
)
async def test_a_unicode_class_in_a_tools_pattern_kills_the_request(
    endpoint: EndpointName, pattern: str, status: int
) -> None:
    answered = await post(endpoint, question("hello", tools=with_pattern(endpoint, pattern)))
    assert answered.status == status
    if status == 400:
        assert answered.json["error"]["code"] == "1210"


async def test_a_system_role_among_messages_is_422_with_a_detail() -> None:
    answered = await post("anthropic", question("", messages=[USER, SYSTEM]))
    assert answered.status == 422
    assert answered.json == {
        "detail": [
            {
                "type": "literal_error",
                "loc": ["body", "messages", 1, "role"],
                "msg": "Input should be 'user' or 'assistant'",
                "input": "system",
                "ctx": {"expected": "'user' or 'assistant'"},
            }
        ]
    }


async def test_the_anthropic_endpoint_needs_max_tokens_but_counting_does_not() -> None:
    body = question("hello")
    del body["max_tokens"]
    async with talking() as talk:
        assert code_of(await talk.post("anthropic", body)) == (400, "1210")
        assert (await talk.post("openai", body)).status == 200
        url = talk.url("anthropic") + "/count_tokens"
        assert (await talk.request("POST", url, json=body, headers=KEY)).status == 200
        unknown = await talk.request("POST", url, json={**body, "model": "x"}, headers=KEY)
        assert code_of(unknown) == (400, "1211")


async def test_1211_is_chinese_on_one_endpoint_only() -> None:
    messages = await post("anthropic", question("hello", model="nobody"))
    chat = await post("openai", question("hello", model="nobody"))
    assert "[1211][模型不存在，请检查模型代码。][" in messages.json["error"]["message"]
    assert chat.json["error"]["message"] == "Unknown Model, please check the model code."


@pytest.mark.parametrize(("endpoint", "status"), [("anthropic", 200), ("openai", 400)])
async def test_claude_names_are_known_to_the_anthropic_endpoint(
    endpoint: EndpointName, status: int
) -> None:
    assert (await post(endpoint, question("hello", model="claude-opus-4"))).status == status


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ({"type": "url", "url": "https://example.test/a.png"}, 400),
        ({"type": "base64", "media_type": "image/bmp", "data": BMP}, 400),
        ({"type": "base64", "media_type": "image/png", "data": "not base64!"}, 400),
        ({"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}, 400),
        ({"type": "base64", "media_type": "image/png", "data": png(4, 4)}, 200),
    ],
)
async def test_a_vision_model_on_the_anthropic_endpoint_takes_common_inline_images(
    source: dict[str, str], status: int
) -> None:
    body = question("", model="glm-4.6v", messages=messages_image(**source))
    answered = await post("anthropic", body)
    assert answered.status == status
    if status == 400:
        assert "[1210][图片输入格式/解析错误][" in answered.json["error"]["message"]


async def test_a_text_models_images_are_not_even_looked_at() -> None:
    body = question("", messages=messages_image(type="url", url="https://example.test/a.png"))
    assert (await post("anthropic", body)).status == 200


@pytest.mark.parametrize("place", ["last", "earlier"])
async def test_an_image_to_a_text_model_is_refused_on_the_openai_endpoint(place: str) -> None:
    seen = {"role": "user", "content": [image_part(png(4, 4))]}
    later = [{"role": "assistant", "content": "fine"}, USER] if place == "earlier" else []
    answered = await post("openai", question("", messages=[seen, *later]))
    assert code_of(answered) == (400, "1210")
    message = answered.json["error"]["message"]
    assert message == "messages.content.type 参数非法，取值范围 ['text']"


@pytest.mark.parametrize("url", ["not base64!", "data:image/png;base64,aGVsbG8=", ""])
async def test_an_unreadable_image_is_refused_on_the_openai_endpoint(url: str) -> None:
    messages = [{"role": "user", "content": [image_part(url)]}]
    answered = await post("openai", question("", model="glm-4.6v", messages=messages))
    assert code_of(answered) == (400, "1210")


@pytest.mark.parametrize(
    "messages",
    [
        [SYSTEM],
        [SYSTEM, SYSTEM],
        [{"role": "developer", "content": "be brief"}, USER],
        [USER, {"role": "assistant", "content": ""}, USER],
        [USER, {"role": "assistant", "content": None, "tool_calls": []}, USER],
    ],
)
async def test_the_openai_endpoint_refuses_such_conversations(
    messages: list[dict[str, Any]],
) -> None:
    assert code_of(await post("openai", question("", messages=messages))) == (400, "1214")


async def test_an_empty_string_is_no_empty_part() -> None:
    assert (await post("openai", question(""))).status == 200


async def test_an_empty_text_part_is_named_by_its_place() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": ""}]
    messages = [SYSTEM, USER, {"role": "assistant", "content": "b"}, {**USER, "content": parts}]
    answered = await post("openai", question("", messages=messages))
    assert code_of(answered) == (400, "1214")
    assert answered.json["error"]["message"] == "messages[3].content[1].text:不能为空"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"user_id": "short"}, 400),
        ({"user_id": "u" * 129}, 400),
        ({"user_id": "long-enough"}, 200),
        ({"request_id": "r" * 65}, 400),
        ({"model": "glm-5.3", "reasoning_effort": "medium"}, 400),
        ({"model": "glm-5.3", "reasoning_effort": "none"}, 400),
        ({"model": "glm-5.3", "reasoning_effort": "max"}, 200),
        ({"model": "glm-5.2", "reasoning_effort": "medium"}, 200),
    ],
)
async def test_the_openai_endpoint_checks_its_own_fields(more: dict[str, Any], status: int) -> None:
    assert (await post("openai", question("hello", **more))).status == status
