"""CAPTURE: prompts and answers among the details of a request, bounded and without keys."""

import json
import logging
from typing import Any

import pytest
from browser import Tab
from conftest import KEY, Stack, StackFactory
from hypothesis import given
from hypothesis import strategies as st
from live_talk import PATHS, Ends, ask, post, reading, said

from proxy import Settings
from proxy.live.capture import KEPT, LIMIT, Answer, shown
from proxy.settings import SettingsError
from proxy.simulator import Gate

ZAI_KEY = "0123456789abcdef0123456789abcdef.AbCdEfGh12345678"
OTHERS_KEY = "sk-other-0123456789abcdef"
SERVER_KEY = "server-key-of-our-own"
GATEWAY_KEY = "gateway-key-of-our-own"
KEYS = [KEY, SERVER_KEY, GATEWAY_KEY, ZAI_KEY, OTHERS_KEY]


async def record_of(stack: Stack, ends: Ends, count: int = 1) -> dict[str, Any]:
    """The newest of `count` requests, once they are over."""
    await ends.reach(count)
    async with reading(stack, **{"x-gateway-key": GATEWAY_KEY}) as (_, snapshot):
        return dict(snapshot["requests"][-1])


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("endpoint", ["anthropic", "openai"])
@pytest.mark.parametrize("dialect", ["messages", "chat"])
async def test_prompt_and_answer_are_told(
    start_stack: StackFactory, dialect: str, endpoint: str, stream: bool
) -> None:
    stack = await start_stack(capture=True)
    ends = Ends(stack.app)
    body = ask("think, then count to 3", model=f"glm-4.6-{endpoint}", stream=stream)
    await stack.post(PATHS[dialect], body)
    record = await record_of(stack, ends)
    assert record["prompt"] == "think, then count to 3"
    assert record["answer"] == "1 2 3", "and nothing of what it thought"


async def test_the_prompt_is_the_last_thing_a_person_said(start_stack: StackFactory) -> None:
    """Not a tool's result, which comes in the same role; reminders of a tool come with it."""
    stack = await start_stack(capture=True)
    ends = Ends(stack.app)
    call = {"type": "tool_use", "id": "a", "name": "read", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": "canary-result"}
    messages = [
        {"role": "user", "content": "canary-earlier"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": [{"type": "text", "text": t} for t in ("remember", "read it")]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    tools = [{"name": "read", "input_schema": {"type": "object"}}]
    body = ask(system="canary-system", tools=tools) | {"messages": messages}
    response = await stack.post(PATHS["messages"], body)
    assert response.status == 200
    assert (await record_of(stack, ends))["prompt"] == "remember\nread it"


async def test_an_answer_can_be_read_while_it_comes(start_stack: StackFactory) -> None:
    stack = await start_stack(capture=True)
    gate = Gate()
    stack.script.replies.append(said("So far", gate, ", and further"))
    async with post(stack) as response:
        await response.content.readuntil(b"So far")
        async with reading(stack) as (_, snapshot):
            assert snapshot["requests"][0]["answer"] == "So far"
            assert snapshot["capture"] is True
        gate.open()
        await response.read()


async def test_both_are_bounded(start_stack: StackFactory) -> None:
    """Of the prompt the end is kept, of the answer the beginning."""
    stack = await start_stack(capture=True)
    ends = Ends(stack.app)
    gate = Gate()
    gate.open()
    stack.script.replies.append(said(*["word "] * 5_000, "canary-end", gate))
    await stack.post(PATHS["chat"], ask("canary-start " + "x" * 100_000 + " the question"))
    record = await record_of(stack, ends)
    assert record["prompt"].endswith("x the question")
    assert record["answer"].startswith("word word")
    assert "canary" not in json.dumps(record)
    assert max(len(record["prompt"]), len(record["answer"])) <= LIMIT + 2


async def test_no_key_is_told(start_stack: StackFactory) -> None:
    """Those of the gateway and of the request, and what looks like one, also cut in two."""
    stack = await start_stack(capture=True, server_api_key=SERVER_KEY, gateway_key=GATEWAY_KEY)
    ends = Ends(stack.app)
    gate = Gate()
    gate.open()
    halves = [half for key in KEYS for half in (f"[{key[:9]}", f"{key[9:]}]")]
    stack.script.replies.append(said(*halves, gate))
    told = {"x-api-key": KEY, "x-gateway-key": GATEWAY_KEY}
    body = ask(" ".join([*KEYS, "Bearer abcdefghijklmnop"]), stream=True)
    await stack.post(PATHS["messages"], body, headers=told)
    record = await record_of(stack, ends)
    assert record["answer"] == "[***]" * len(KEYS)
    assert record["prompt"] == " ".join(["***"] * (len(KEYS) + 1))


@given(
    place=st.sampled_from([LIMIT, KEPT]).flatmap(lambda cut: st.integers(cut - 60, cut + 10)),
    rest=st.integers(0, 700),
    keys=st.integers(0, 40),
    key=st.sampled_from(KEYS),
    end=st.booleans(),
)
def test_no_cut_leaves_a_part_of_a_key(
    place: int, rest: int, keys: int, key: str, end: bool
) -> None:
    """Also where other keys, taken out, have moved the text towards the cut."""
    pieces = [f"{key} " * keys, "." * (place - keys * (len(key) + 1)), f" {key} ", "." * rest]
    told = shown("".join(reversed(pieces) if end else pieces), KEYS, end=end)
    assert set(told) <= set(".*… ")
    assert len(told) <= LIMIT + 2


def test_no_more_than_needed_is_kept() -> None:
    answer = Answer()
    for _ in range(1_000):
        answer.overhear(b'data: {"delta":{"text":"%b"}}\n\n' % (b"x" * 1_000))
    assert len(str(answer)) < LIMIT + 1_000


async def test_half_a_character_harms_nothing(start_stack: StackFactory) -> None:
    stack = await start_stack(capture=True)
    ends = Ends(stack.app)
    gate = Gate()
    gate.open()
    stack.script.replies.append(said("a\ud83d", "\ude00 b\ud83d", gate))
    body = json.dumps(ask("half \ud83d", stream=True)).encode()
    await stack.post(PATHS["messages"], body)
    record = await record_of(stack, ends)
    assert record["answer"] == "a😀 b�"
    assert record["prompt"] == "half �"


async def test_it_is_off_unless_asked_for(stack: Stack) -> None:
    ends = Ends(stack.app)
    await stack.post(PATHS["messages"], ask("canary-prompt", stream=True))
    record = await record_of(stack, ends)
    assert not {"prompt", "answer"} & record.keys()
    async with reading(stack) as (reader, snapshot):
        assert snapshot["capture"] is False
        assert b"canary" not in reader.raw


async def test_the_log_says_that_it_is_on(
    start_stack: StackFactory, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "proxy.live"):
        await start_stack()
        assert caplog.messages == []
        await start_stack(capture=True)
    (told,) = caplog.messages
    assert told.startswith("CAPTURE is set")


@pytest.mark.parametrize(
    "guard", [{"gateway_key": "secret"}, {"published_on_loopback": True}, {"host": ("::1",)}]
)
def test_on_an_open_address_it_needs_a_key(guard: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="could read prompts"):
        Settings(capture=True, host=("0.0.0.0",))
    Settings(**{"capture": True, "host": ("0.0.0.0",), **guard})


async def test_the_page_shows_them_as_text_and_says_so(start_stack: StackFactory, tab: Tab) -> None:
    stack = await start_stack(capture=True)
    markup = "<img src=x onerror=alert(1)><b>bold</b>"
    gate = Gate()
    gate.open()
    stack.script.replies.append(said(markup, gate))
    await tab.open(stack.url + "/ui")
    await tab.until("!document.querySelector('#capture').hidden")
    assert await tab.value("document.querySelector('#silent').hidden")
    await stack.post(PATHS["chat"], ask(f"prompt {markup}"))
    await tab.until("document.querySelectorAll('.said').length === 2")
    texts = await tab.value("[...document.querySelectorAll('.said')].map((e) => e.textContent)")
    assert texts == [f"prompt {markup}", markup]
    assert await tab.value("document.querySelectorAll('#requests :is(img, b)').length") == 0


async def test_without_it_the_page_says_that_nothing_is_kept(stack: Stack, tab: Tab) -> None:
    await tab.open(stack.url + "/ui")
    await tab.until("document.querySelector('#connection').textContent === 'Live'")
    assert await tab.value("document.querySelector('#capture').hidden")
    assert "Nothing of prompts" in await tab.value("document.querySelector('#silent').innerText")
