"""What the local counter is used for: `count_tokens` and `message_start`, and for nothing else."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import Stack, StackFactory
from gateway_talk import COUNT, ENDPOINTS, IMAGES, PATHS, ask, final_usage, json_log, stream

from proxy.context import COUNTER
from proxy.simulator import Reply
from proxy.tokens.counter import TokenCounter
from proxy.upstream.lean import LeanClient

LONG = "The quick brown fox jumps over the lazy dog. " * 40
TOOL = {
    "name": "look",
    "description": "Looks at a path.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
}
CALLED = [
    {"role": "user", "content": "Hi"},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "call_1", "name": "look", "input": {"path": "/"}}],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "all of it"}],
    },
]


async def count(stack: Stack, body: dict[str, Any]) -> int:
    response = await stack.post(COUNT, body)
    told = await response.json()
    assert response.status == 200, told
    assert set(told) == {"input_tokens"}
    return int(told["input_tokens"])


async def test_a_count_is_the_known_template_and_asks_nobody(stack: Stack) -> None:
    """One user message costs its text and 5 (zai.md 5); "Hello" is one token."""
    assert await count(stack, ask("Hello")) == 6
    assert stack.script.requests == []


@pytest.mark.parametrize(
    "more",
    [
        {"system": "You are terse."},
        {"system": [{"type": "text", "text": "You are terse."}]},
        {"tools": [TOOL]},
        {"messages": CALLED},
        {"messages": [*CALLED[:1], {"role": "assistant", "content": "Hello."}, *CALLED[:1]]},
        {
            "model": "glm-4.5v",
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGES["messages"]]}
            ],
        },
    ],
    ids=["system", "system blocks", "tools", "tool use and result", "turns", "image"],
)
async def test_a14_everything_counts(start_stack: StackFactory, more: dict[str, Any]) -> None:
    """`count_tokens` missing or counts only text."""
    stack = await start_stack(token_scaling="off")
    assert await count(stack, {**ask("Hi"), **more}) > await count(stack, ask("Hi"))


async def test_special_tokens_in_text_are_plain_text(stack: Stack) -> None:
    assert await count(stack, ask("<|endoftext|><|user|>")) > await count(stack, ask("Hi")) + 4


@pytest.mark.parametrize("model", ["glm-4.5-anthropic", "glm-4.5-openai"])
async def test_message_start_tells_what_count_tokens_tells(stack: Stack, model: str) -> None:
    counted = await count(stack, ask(LONG, model))
    told = await stream(await stack.post(PATHS["messages"], ask(LONG, model, stream=True)))
    usage = told[0].data["message"]["usage"]
    assert usage["input_tokens"] == counted > 100
    assert usage["cache_read_input_tokens"] == usage["cache_creation_input_tokens"] == 0


async def test_the_end_tells_what_the_upstream_said(stack: Stack) -> None:
    """The simulator counts four characters a token: not what the estimate says."""
    told = await stream(await stack.post(PATHS["messages"], ask(LONG, stream=True)))
    estimate = told[0].data["message"]["usage"]["input_tokens"]
    final = final_usage(told)["input_tokens"]
    assert final == stack_count(LONG) != estimate


async def test_an_upstream_that_counts_at_the_start_is_believed(stack: Stack) -> None:
    usage = {"input_tokens": 77, "output_tokens": 1}
    start = {"type": "message_start", "message": {"id": "m", "role": "assistant", "usage": usage}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    frames = [f"data: {json.dumps(event)}\n\n".encode() for event in (start, block)]
    stack.script.replies.append(Reply.sse(*frames))
    response = await stack.post(PATHS["messages"], ask(LONG, stream=True))
    first = (await response.text()).split("\n\n")[0]
    assert json.loads(first.partition("data: ")[2])["message"]["usage"]["input_tokens"] == 77


async def test_chat_clients_get_no_estimate(stack: Stack) -> None:
    with json_log() as log:
        told = await stream(await stack.post(PATHS["chat"], ask(LONG, stream=True)))
        line = await log.request()
    assert "estimate" not in line
    assert told[0].data.get("usage") is None


async def test_the_log_carries_the_error_of_the_estimate(stack: Stack) -> None:
    with json_log() as log:
        await stack.post(PATHS["messages"], ask(LONG, stream=True))
        line = await log.request()
    assert line["estimate"] > 100
    assert line["estimate_error"] == line["estimate"] - line["tokens"]["input_tokens"]


async def test_a_whole_answer_has_the_upstreams_numbers_only(stack: Stack) -> None:
    """There is no `message_start` to fill, so nothing is counted."""
    with json_log() as log:
        usage = (await (await stack.post(PATHS["messages"], ask(LONG))).json())["usage"]
        assert "estimate" not in await log.request()
    assert usage["input_tokens"] == stack_count(LONG)


def stack_count(text: str) -> int:
    """What the simulator counts for one user message of this text: four characters a token."""
    return sum((len(part) + 3) // 4 for part in ("role", "user", "content", text))


async def test_counting_can_be_left_to_the_upstream(start_stack: StackFactory) -> None:
    stack = await start_stack(count_tokens="upstream")
    assert await count(stack, ask(LONG, temperature=0.5, stream=True)) == stack_count(LONG)
    received = stack.script.requests[-1]
    assert received.path == "/api/anthropic/v1/messages/count_tokens"
    assert received.body["model"] == "glm-4.5"
    assert not {"stream", "temperature", "max_tokens"} & set(received.body)


FALLBACKS = [
    Reply.json({"input_tokens": 0}),
    Reply.json({"input_tokens": "12"}),
    Reply.json([]),
    Reply.json({"error": {"code": "1302", "message": "no"}}, 429),
    Reply.json({"code": 500, "msg": "404 NOT_FOUND", "success": False}),
    Reply.sse(b"<html>no</html>"),
    Reply(then="cut"),
]


@pytest.mark.parametrize("reply", FALLBACKS, ids=str)
async def test_an_upstream_that_cannot_count_is_stood_in_for(
    start_stack: StackFactory, reply: Reply
) -> None:
    stack = await start_stack(count_tokens="upstream")
    stack.script.replies.append(reply)
    assert await count(stack, ask("Hello")) == 6
    assert len(stack.script.requests) == 1


@pytest.mark.parametrize("model", ["glm-4.5-openai", "glm-4.5v"])
async def test_what_goes_to_the_openai_endpoint_is_counted_here(
    start_stack: StackFactory, model: str
) -> None:
    stack = await start_stack(count_tokens="upstream", token_scaling="off")
    assert await count(stack, ask("Hello", model)) == 6
    assert stack.script.requests == []


async def test_the_model_that_the_upstream_forgets_is_counted_here(
    start_stack: StackFactory,
) -> None:
    stack = await start_stack(count_tokens="upstream", token_scaling="off")
    assert await count(stack, ask("Hello", "glm-5.3")) > 0
    assert len(stack.script.requests) == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a14_a_burst_of_fifty_is_answered_here(stack: Stack, endpoint: str) -> None:
    """Clients send 40 to 50 counts at once; none may reach the upstream's rate limit."""
    bodies = [ask(f"{LONG} {number}", f"glm-4.5-{endpoint}") for number in range(50)]
    counts = await asyncio.gather(*(count(stack, body) for body in bodies))
    assert max(counts) - min(counts) <= 3
    assert min(counts) > 100
    assert stack.script.requests == []


async def test_a_stream_is_counted_for_while_the_upstream_works(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: over a connection that waits, the request has left when counting begins."""
    order: list[str] = []

    def note(owner: type, name: str) -> None:
        kept = getattr(owner, name)

        def noted(*args: Any, **options: Any) -> Any:
            order.append(name)
            return kept(*args, **options)

        monkeypatch.setattr(owner, name, noted)

    await stream(await stack.post(PATHS["messages"], ask(stream=True)))
    note(LeanClient, "_head")
    note(TokenCounter, "count")
    await stream(await stack.post(PATHS["messages"], ask(LONG, stream=True)))
    assert order == ["_head", "count"]
    note(ThreadPoolExecutor, "submit")
    monkeypatch.setattr(stack.app[COUNTER], "_loaded", False)
    await stream(await stack.post(PATHS["messages"], ask(LONG, stream=True)))
    assert order[2:] == ["_head", "submit", "count"]
