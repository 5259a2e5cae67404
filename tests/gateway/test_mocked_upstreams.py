"""Small cases that no simulator can play, by aioresponses: other hosts, broken names, TLS.

The gateway runs on a socket; only its requests to the named hosts are answered here.
"""

import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from compat import Responses
from conftest import KEY, Stack, StackFactory
from gateway_talk import COUNT, DIALECTS, PATHS, Dialect, answered_text, ask, assert_error
from yarl import URL

ANTHROPIC, OPENAI = "https://zai.test/api/anthropic", "https://zai.test/api/coding/paas/v4"
MESSAGES, CHAT = f"{ANTHROPIC}/v1/messages", f"{OPENAI}/chat/completions"


@pytest.fixture
def upstream() -> Iterator[Responses]:
    """What hosts other than this one answer."""
    responses = Responses()
    with responses:
        yield responses


@pytest.fixture
async def stack(start_stack: StackFactory) -> Stack:
    """A gateway in front of a host that does not exist."""
    return await start_stack(
        upstream_base=ANTHROPIC, openai_upstream_base=OPENAI, warm_connections=0
    )


ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "glm-4.5",
    "content": [{"type": "text", "text": "Hello from afar"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 3},
}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_upstream_that_does_not_stream_is_taken_all_the_same(
    stack: Stack, upstream: Responses, dialect: Dialect
) -> None:
    upstream.post(MESSAGES, payload=ANSWER)
    response = await stack.post(PATHS[dialect], ask())
    assert answered_text(await response.json()) == "Hello from afar"
    [call] = upstream.requests["POST", URL(MESSAGES)]
    assert call.kwargs["headers"]["x-api-key"] == KEY
    assert call.kwargs["allow_redirects"] is False


REFUSALS: list[tuple[int, str, str, int]] = [
    (401, '{"error":{"code":"1000","message":"Authentication Failed"}}', "application/json", 401),
    (404, "<html><title>Not here</title></html>", "text/html", 404),
    (502, "<!DOCTYPE html><title>Bad gateway</title>", "text/html; charset=utf-8", 502),
    (503, '{"error":"DNS resolution failure"}', "application/json", 503),
    (418, "", "text/plain", 418),
    (500, "[1234][Network error][20261001]", "text/plain", 529),
    (200, '{"code":401,"msg":"token expired","success":false}', "application/json", 502),
    (200, "<html><title>Log in</title></html>", "text/html", 502),
]


@pytest.mark.parametrize(("status", "body", "kind", "told"), REFUSALS)
async def test_refusals_in_strange_costumes_keep_their_status(
    stack: Stack, upstream: Responses, status: int, body: str, kind: str, told: int
) -> None:
    upstream.post(CHAT, status=status, body=body, content_type=kind)
    response = await stack.post(PATHS["messages"], ask(model="glm-4.5-openai"))
    error = await assert_error(response, "messages", told)
    assert len(error["message"]) < 1000
    assert "<html" not in error["message"].lower()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(
    stack: Stack, upstream: Responses, status: int
) -> None:
    elsewhere = "https://elsewhere.test/v1/messages"
    upstream.post(MESSAGES, status=status, headers={"location": elsewhere})
    upstream.post(elsewhere, payload=ANSWER)
    response = await stack.post(PATHS["messages"], ask())
    await assert_error(response, "messages", 502)
    assert ("POST", URL(elsewhere)) not in upstream.requests


KEY_OF_CONNECTION = ConnectionKey("zai.test", 443, True, True, None, None, None)
UNKNOWN = OSError(-2, "Name or service not known")
BROKEN: list[tuple[Exception, str]] = [
    (aiohttp.ClientConnectorDNSError(KEY_OF_CONNECTION, UNKNOWN), "zai.test"),
    (
        aiohttp.ClientConnectorError(KEY_OF_CONNECTION, OSError(111, "Connection refused")),
        "refused",
    ),
    (aiohttp.ClientConnectorCertificateError(KEY_OF_CONNECTION, ssl.CertificateError("x")), "TLS"),
    (aiohttp.ClientConnectorSSLError(KEY_OF_CONNECTION, ssl.SSLError(1, "handshake")), "TLS"),
    (aiohttp.ClientProxyConnectionError(KEY_OF_CONNECTION, OSError(1, "x")), "HTTPS_PROXY"),
    (aiohttp.ServerDisconnectedError(), "zai.test"),
]


@pytest.mark.parametrize(("exception", "named"), BROKEN, ids=str)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_connection_that_cannot_be_made_is_explained(
    stack: Stack, upstream: Responses, dialect: Dialect, exception: Exception, named: str
) -> None:
    upstream.post(MESSAGES, exception=exception)
    error = await assert_error(await stack.post(PATHS[dialect], ask()), dialect, 502)
    assert named in error["message"]
    assert KEY not in error["message"]


async def test_a_tls_failure_says_which_store_was_asked(stack: Stack, upstream: Responses) -> None:
    upstream.post(MESSAGES, exception=BROKEN[2][0])
    error = await assert_error(await stack.post(PATHS["chat"], ask()), "chat", 502)
    assert "trust store" in error["message"]
    assert "SSL_CERT_FILE" in error["message"]


async def test_connecting_too_slowly_is_a_timeout(stack: Stack, upstream: Responses) -> None:
    upstream.post(MESSAGES, exception=aiohttp.ConnectionTimeoutError())
    error = await assert_error(await stack.post(PATHS["chat"], ask()), "chat", 504)
    assert "took too long" in error["message"]


async def test_counting_falls_back_when_the_name_is_unknown(
    start_stack: StackFactory, upstream: Responses
) -> None:
    stack = await start_stack(upstream_base=ANTHROPIC, count_tokens="upstream", warm_connections=0)
    upstream.post(f"{MESSAGES}/count_tokens", exception=BROKEN[0][0])
    response = await stack.post(COUNT, ask("Hello"))
    assert (await response.json())["input_tokens"] == 6
    assert ("POST", URL(f"{MESSAGES}/count_tokens")) in upstream.requests
