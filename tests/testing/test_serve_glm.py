"""`serve_glm`, in the test's loop and in a thread: what is scripted is what tools are given."""

import asyncio
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import openai
import pytest
from yarl import URL

from proxy.context import SETTINGS
from proxy.settings import Settings, SettingsError
from proxy.simulator import Script
from proxy.testing import Gate, Glm, Reply, ToolCall, serve_glm, serve_glm_in_thread, wait

HELLO: Any = [{"role": "user", "content": "Hello"}]
MODELS = ("glm-4.5-anthropic", "glm-4.5-openai")
SAFETY_NET = 10

on_both = pytest.mark.parametrize("model", MODELS)


def openai_client(glm: Glm, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=glm.chat_url, api_key=glm.key, max_retries=0, **options)


def anthropic_client(glm: Glm, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=glm.messages_url, api_key=glm.key, max_retries=0, **options)


def refuses(url: str) -> bool:
    """Whether nobody listens there any more."""
    target = URL(url)
    with socket.socket() as probe:
        return probe.connect_ex((str(target.host), int(target.port or 0))) != 0


# --- answers, refusals, their order --------------------------------------------------------------


@on_both
@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
async def test_an_answer_is_the_same_from_either_endpoint(model: str, streams: bool) -> None:
    call = ToolCall("look", {"path": "a b", "depth": 2})
    async with (
        serve_glm() as glm,
        anthropic.AsyncAnthropic(base_url=glm.messages_url, api_key=glm.key) as client,
    ):
        glm.will_answer("Let me  look.", "\nNow.", call, call, thinking="A file, then.")
        message: Any
        options: Any = {"model": model, "max_tokens": 100, "messages": HELLO}
        if streams:
            async with client.messages.stream(**options) as stream:
                message = await stream.get_final_message()
        else:
            message = await client.messages.create(**options)
        (received,) = glm.requests
    thinking = "".join(block.thinking for block in message.content if block.type == "thinking")
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    assert (thinking, text.strip()) == ("A file, then.", "Let me  look.\nNow.")
    assert calls == [("look", {"path": "a b", "depth": 2})] * 2
    assert message.stop_reason == "tool_use"
    assert received.endpoint == model.rpartition("-")[2]


@on_both
@pytest.mark.parametrize("costume", ["status", "event", "json"])
def test_a_refusal_comes_in_every_costume(model: str, costume: Any) -> None:
    with serve_glm_in_thread() as glm, openai_client(glm) as client:
        glm.will_refuse("1308", "Come back at noon.", costume)
        with pytest.raises(openai.RateLimitError, match="Come back at noon"):
            client.chat.completions.create(model=model, messages=HELLO)


async def test_a_code_that_z_ai_does_not_have_is_refused_at_once() -> None:
    async with serve_glm() as glm:
        with pytest.raises(ValueError, match="1999"):
            glm.will_refuse(1999)
        assert not glm.script.replies


def test_what_is_queued_comes_in_its_order_then_the_prompt_decides() -> None:
    with serve_glm_in_thread() as glm, openai_client(glm) as client:
        glm.will_answer("one")
        glm.script.replies.append(Reply.json({"error": {"code": "1214", "message": "two"}}, 400))
        glm.will_refuse(1302)
        glm.will_answer("four", stop="length")
        told = [outcome(client) for _ in range(5)]
    assert told[0] == ("one", "stop")
    assert told[1:3] == [(400, "1214"), (429, "1302")]
    assert told[3] == ("four", "length")
    assert "simulator" in str(told[4][0])


def outcome(client: openai.OpenAI) -> tuple[Any, Any]:
    """Text and finish reason, or status and code."""
    try:
        answer = client.chat.completions.create(model="glm-4.5", messages=HELLO)
    except openai.APIStatusError as error:
        return error.status_code, error.code
    return answer.choices[0].message.content, answer.choices[0].finish_reason


def test_an_answer_waits_for_a_request_that_z_ai_would_answer() -> None:
    """Neither a count of tokens nor a request that is refused for its content takes it."""
    with serve_glm_in_thread(count_tokens="upstream") as glm, anthropic_client(glm) as client:
        glm.will_answer("Yes.")
        client.messages.count_tokens(model="glm-4.5", messages=HELLO)
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(model="nobodys-model", max_tokens=100, messages=HELLO)
        assert len(glm.script.replies) == 1
        message = client.messages.create(model="glm-4.5", max_tokens=100, messages=HELLO)
    assert message.content[0].text == "Yes."  # type: ignore[union-attr]
    assert not glm.script.replies


# --- time ----------------------------------------------------------------------------------------


@on_both
def test_a_gate_holds_an_answer_where_it_stands(model: str) -> None:
    first, second = Gate(), Gate()
    with serve_glm_in_thread() as glm, openai_client(glm) as client:
        glm.will_answer("one two", first, " three", second, ToolCall("f", {}))
        text, before = "", []
        for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True):
            delta = chunk.choices[0].delta
            text += delta.content or ""
            before += [(text.strip(), bool(delta.tool_calls), second.is_reached)]
            if text == "one two" and not first.is_reached:
                wait(first.reached())
            if text.startswith("one two"):
                first.open()
            if text.startswith("one two three"):
                wait(second.reached())
                second.open()
    assert ("one two", False, False) in before
    assert next(reached for _, called, reached in before if called)
    assert text.strip() == "one two three"


@on_both
async def test_a_gate_before_the_first_word_and_in_the_callers_loop(model: str) -> None:
    gate = Gate()
    async with (
        asyncio.timeout(SAFETY_NET),
        serve_glm() as glm,
        openai.AsyncOpenAI(base_url=glm.chat_url, api_key=glm.key) as client,
    ):
        glm.will_answer(gate, "Here.")
        asked = asyncio.ensure_future(client.chat.completions.create(model=model, messages=HELLO))
        await gate.reached()
        assert not asked.done()
        gate.open()
        assert (await asked).choices[0].message.content == "Here."


async def test_an_async_test_waits_for_what_happens_in_the_thread() -> None:
    gate = Gate()
    with serve_glm_in_thread() as glm:
        glm.will_answer(gate, "Here.")
        async with (
            asyncio.timeout(SAFETY_NET),
            openai.AsyncOpenAI(base_url=glm.chat_url, api_key=glm.key) as client,
        ):
            asked = asyncio.ensure_future(
                client.chat.completions.create(model="glm-4.5", messages=HELLO)
            )
            await gate.reached()
            gate.open()
            assert (await asked).choices[0].message.content == "Here."


@on_both
@pytest.mark.parametrize("ending", ["stall", "silence"])
async def test_silence_lasts_until_the_client_leaves(model: str, ending: Any) -> None:
    async with (
        asyncio.timeout(SAFETY_NET),
        serve_glm() as glm,
        openai.AsyncOpenAI(base_url=glm.chat_url, api_key=glm.key) as client,
    ):
        glm.will_answer("Never", ending=ending)
        asked = asyncio.ensure_future(client.chat.completions.create(model=model, messages=HELLO))
        await glm.script.arrived.reach(1)
        asked.cancel()
        await asyncio.wait([asked])
        await glm.script.gone.reach(1)


@on_both
def test_an_answer_that_is_cut_has_its_words_and_an_error(model: str) -> None:
    gate = Gate()
    with serve_glm_in_thread() as glm, anthropic_client(glm) as client:
        glm.will_answer("Half", gate, " an ans", ending="cut")
        text = ""
        with client.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream:
            words = iter(stream.text_stream)
            while text != "Half an ans":
                text += next(words)
                gate.open()
            with pytest.raises(anthropic.APIError):
                next(words)


def test_waiting_for_what_never_comes_ends() -> None:
    with pytest.raises(TimeoutError):
        wait(Gate().reached(), 0)


# --- other processes -----------------------------------------------------------------------------

TOOL = """
import json, os, sys, urllib.request
headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"]}
body = {"model": "glm-4.5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
request = urllib.request.Request(url, json.dumps(body).encode(), headers)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["content"][0]["text"])
"""


def test_the_environment_leads_a_process_here() -> None:
    with serve_glm_in_thread() as glm:
        glm.will_answer("Hello, process.")
        theirs = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "example.com"}
        environment = {**theirs, **glm.environment}
        printed = subprocess.check_output(
            [sys.executable, "-I", "-c", TOOL], env=environment, text=True, timeout=SAFETY_NET
        )
        (request,) = glm.requests
    assert printed.strip() == "Hello, process."
    assert request.headers["x-api-key"] == glm.key


# --- the end, and the beginning ------------------------------------------------------------------


def test_nothing_is_left_running() -> None:
    """Neither threads nor listeners, and an answer that was held does not hold the end."""
    before = set(threading.enumerate())
    gate = Gate()
    with ThreadPoolExecutor(1) as pool:
        with serve_glm_in_thread() as glm, openai_client(glm) as client:
            glm.will_answer("Hel", gate, "lo")
            asked = pool.submit(client.chat.completions.create, model="glm-4.5", messages=HELLO)
            wait(gate.reached())
        assert isinstance(asked.exception(), openai.APIError)
    assert set(threading.enumerate()) == before
    assert refuses(glm.url)
    assert refuses(glm.zai.origin)


def test_an_error_of_the_test_ends_it_too() -> None:
    with pytest.raises(ZeroDivisionError), serve_glm_in_thread() as glm:
        raise ZeroDivisionError
    assert refuses(glm.url)
    assert refuses(glm.zai.origin)


def test_what_keeps_it_from_starting_is_told() -> None:
    with pytest.raises(SettingsError), serve_glm_in_thread(forward_client_key=False):
        pass
    with pytest.raises(TypeError, match="no_such_setting"), serve_glm_in_thread(no_such_setting=1):
        pass


def test_settings_are_the_defaults_and_those_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM_BASE", "http://192.0.2.1")
    monkeypatch.setenv("OPENAI_EXPECTED_TOKENS", "none")
    with serve_glm_in_thread(autotext_model="glm-4.6") as glm:
        bases = (glm.zai.anthropic_base, glm.zai.openai_base)
    assert glm.app[SETTINGS] == Settings(
        upstream_base=bases[0],
        openai_upstream_base=bases[1],
        retry_seconds=0,
        drain_seconds=0,
        autotext_model="glm-4.6",
    )


async def test_several_live_side_by_side() -> None:
    script = Script()
    async with serve_glm(script) as one:
        with serve_glm_in_thread() as other:
            one.will_answer("one")
            assert (len(script.replies), len(other.script.replies)) == (1, 0)
            assert one.url != other.url
