"""One line a request: all that is known of it, and nothing that was said in it."""

import json
import logging
from typing import Any

import pytest
from conftest import KEY, Stack
from gateway_talk import COUNT, DIALECTS, ENDPOINTS, PATHS, Dialect, ask, json_log

from proxy import Settings, logs
from proxy.simulator import Reply

PROMPT, ANSWER = "canary-prompt-5b1f", "canary-answer-77aa"
TOOL = {"name": "canary-tool", "input_schema": {"type": "object"}}

ALWAYS = {
    "time": str,
    "level": str,
    "request_id": str,
    "dialect": str,
    "path": str,
    "status": int,
    "route": str,
    "model": str,
    "upstream_model": str,
    "reason": str,
    "stream": bool,
    "upstream_status": int,
    "first_event_ms": float,
    "duration_ms": float,
    "tokens": dict,
    "scaled_tokens": dict,
    "token_scale": str,
    "bytes_in": int,
    "bytes_out": int,
}
"""What the issue names, as far as every successful request has it."""


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_line_has_every_field(
    stack: Stack, dialect: Dialect, endpoint: str, streams: bool
) -> None:
    body = ask(model=f"glm-4.5-{endpoint}", stream=streams)
    with json_log() as log:
        response = await stack.post(PATHS[dialect] + "?beta=true", body)
        line = await log.request()
    for name, kind in ALWAYS.items():
        assert isinstance(line[name], kind), name
    assert line["path"] == PATHS[dialect]
    assert line["request_id"] == response.headers["x-request-id"]
    assert (line["dialect"], line["route"], line["stream"]) == (dialect, endpoint, streams)
    assert (line["model"], line["upstream_model"]) == (f"glm-4.5-{endpoint}", "glm-4.5")
    assert line["bytes_in"] == len(json.dumps(body))
    assert line["bytes_out"] == len(await response.read())
    assert line["first_event_ms"] <= line["duration_ms"]
    assert line["tokens"]["output_tokens"] > 0
    assert len(log.requests) == 1


async def test_the_upstreams_request_id_is_logged(stack: Stack) -> None:
    reply = Reply.json({"error": {"code": "1211", "message": "no"}}, 400, {"x-request-id": "up-1"})
    stack.script.replies.append(reply)
    with json_log() as log:
        await stack.post(PATHS["chat"], ask())
        line = await log.request()
    assert line["upstream_request_id"] == "up-1"
    assert (line["status"], line["upstream_status"], line["error"]) == (400, 400, "1211")


async def test_a_line_is_of_a_sane_length(stack: Stack) -> None:
    """A model's name and those of fields are the client's own."""
    with json_log() as log:
        body = ask(model="glm-" + "x" * 100_000, **{f"{'f' * 500}{n}": n for n in range(500)})
        assert (await stack.post(PATHS["chat"], body)).status in (200, 400)
        line = await log.request()
    assert len(json.dumps(line)) < 40_000
    assert len(line["model"]) == len(line["upstream_model"]) == 200


async def test_every_change_is_logged_and_told(stack: Stack) -> None:
    with json_log() as log:
        response = await stack.post(
            PATHS["chat"], ask(temperature=1.7, max_tokens=10**6, seed=1, logit_bias={"1": 2})
        )
        line = await log.request()
    told = response.headers["x-proxy-changed"]
    for name in ("temperature", "max_tokens", "seed", "logit_bias"):
        assert name in told
        assert any(name in entry for entry in line["changed"])


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/", "/nothing", COUNT])
async def test_what_is_no_news_is_logged_at_debug(stack: Stack, path: str) -> None:
    async def call() -> None:
        await (stack.post(path, ask()) if path == COUNT else stack.get(path))

    with json_log("info") as log:
        await call()
    assert log.lines == []
    with json_log("debug") as log:
        await call()
        line = await log.request()
    assert (line["level"].lower(), line["path"]) == ("debug", path)


async def test_five_hundreds_are_warnings(stack: Stack) -> None:
    with json_log() as log:
        await stack.post(PATHS["chat"], ask("error 500"))
        line = await log.request()
    assert line["level"].lower() == "warning"


def replies(endpoint: str) -> list[Reply | None]:
    """Answers and failures that quote the prompt, as z.ai's do; None: the simulator decides."""
    error = {"error": {"code": "1214", "message": "messages"}, "input": PROMPT}
    detail = [{"loc": ["body", "messages"], "msg": "bad", "input": PROMPT}]
    delta: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": ANSWER}}]}
    if endpoint == "anthropic":
        text = {"type": "text_delta", "text": ANSWER}
        delta = {"type": "content_block_delta", "index": 0, "delta": text}
    return [
        None,
        Reply.json(error, 400),
        Reply.json({"detail": detail}, 422),
        Reply.sse(b"data: " + json.dumps(delta).encode() + b"\n\n", then="cut"),
        Reply.sse(b"data: {broken " + ANSWER.encode() + b"\n\n"),
        Reply.json({"content": ANSWER, "choices": PROMPT}),
        Reply(then="cut"),
    ]


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_no_prompt_and_no_answer_at_any_level(
    stack: Stack, dialect: Dialect, endpoint: str, streams: bool
) -> None:
    image = f"data:image/png;base64,{PROMPT}"
    bodies = [
        ask(PROMPT, f"glm-4.5-{endpoint}", stream=streams, system=PROMPT),
        ask(PROMPT, f"glm-4.5-{endpoint}", stream=streams, user=PROMPT, stop=[PROMPT]),
        ask([{"type": "odd", "odd": PROMPT}], stream=streams),
        ask([{"type": "image_url", "image_url": {"url": image}}], stream=streams),
        ask({"wrong": PROMPT}),
        ask(tools=[{"name": PROMPT, "input_schema": PROMPT}]),
    ]
    with json_log("debug") as log:
        number = 0
        for body in bodies:
            for reply in replies(endpoint):
                if reply:
                    stack.script.replies.append(reply)
                await stack.post(PATHS[dialect], body)
                stack.script.replies.clear()
                number += 1
                await log.request(number)
        await stack.post(PATHS[dialect], f'{{"broken": {PROMPT}'.encode())
        await log.request(number + 1)
    assert PROMPT not in log.getvalue()
    assert ANSWER not in log.getvalue()


async def test_people_read_another_format(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure(Settings(log_format="console"))
        await stack.post(PATHS["messages"], ask(model="claude-x", temperature=7))
        logging.getLogger("proxy.server").info("listening", extra={"urls": [1]})
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("aiohttp.access").disabled = False
    first, second = capsys.readouterr().out.splitlines()
    assert " 200 POST /v1/messages | " in first
    assert " ms | claude-x -> glm-4.5 on anthropic (claude name, text) | " in first
    assert "scaled_tokens={'input_tokens': " in first
    assert " | changed=('temperature: " in first
    assert "error" not in first
    assert "listening urls=[1]" in second
    assert KEY not in first
