"""Which paths answer, which do not, and how the gateway says so."""

import json

import pytest
from conftest import KEY, Stack
from gateway_talk import COUNT, DIALECTS, PATHS, Dialect, ask, assert_error, json_log

from proxy import __version__

PREFIXES = ["/v1", "", "/v1/v1"]
MISSING = ["/v2/messages", "/v1/v1/v1/messages", "/v1/messages/batches", "/v1/complete", "/v1"]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", ["/chat/completions", "/messages", "/messages/count_tokens"])
async def test_api_paths_forgive_the_usual_mistakes_in_base_urls(
    stack: Stack, path: str, prefix: str, slash: str
) -> None:
    response = await stack.post(prefix + path + slash, ask())
    assert response.status == 200, await response.text()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", ["/models", "/models/glm-4.5"])
async def test_model_paths_forgive_them_too(
    stack: Stack, path: str, prefix: str, slash: str
) -> None:
    response = await stack.get(prefix + path + slash)
    assert response.status == 200


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/messages", None),
        ("/messages", "without /v1"),
        ("/v1/v1/messages", "without /v1"),
        ("/v1/chat/completions", None),
        ("/chat/completions", "/v1"),
        ("/v1/v1/chat/completions", "/v1"),
    ],
)
async def test_the_log_says_which_base_url_is_right(
    stack: Stack, path: str, hint: str | None
) -> None:
    with json_log() as log:
        await stack.post(path, ask())
        line = await log.request()
    if hint is None:
        assert "base_url_hint" not in line
    else:
        assert hint in line["base_url_hint"]
        assert stack.url in line["base_url_hint"]


async def test_messages_takes_the_beta_query(stack: Stack) -> None:
    assert (await stack.post("/v1/messages?beta=true", ask())).status == 200
    assert (await stack.post(COUNT + "?beta=true", ask())).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", MISSING)
async def test_anything_else_is_404(stack: Stack, path: str, method: str) -> None:
    response = await stack.session.request(method, stack.url + path, headers={"x-api-key": KEY})
    assert response.status == 404
    assert stack.script.requests == []


@pytest.mark.parametrize(
    ("path", "headers", "dialect"),
    [
        ("/v1/nothing", {}, "chat"),
        ("/v1/nothing", {"anthropic-version": "2023-06-01"}, "messages"),
        ("/v1/messages/nothing", {}, "messages"),
    ],
)
async def test_404_speaks_the_dialect_of_who_asks(
    stack: Stack, path: str, headers: dict[str, str], dialect: Dialect
) -> None:
    response = await stack.get(path, headers=headers)
    error = await assert_error(response, dialect, 404)
    assert path in error["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_wrong_method_is_405_with_allow(
    stack: Stack, dialect: Dialect, method: str
) -> None:
    response = await stack.session.request(method, stack.url + PATHS[dialect])
    error = await assert_error(response, dialect, 405)
    assert response.headers["Allow"] == "POST"
    assert "POST" in error["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/glm-4.5", "/health"])
async def test_what_can_only_be_read_allows_get_and_head(stack: Stack, path: str) -> None:
    response = await stack.session.post(stack.url + path, data=b"{}")
    await assert_error(response, "chat", 405)
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_claude_code_probes_the_root(stack: Stack, method: str) -> None:
    response = await stack.session.request(method, stack.url + "/")
    assert response.status == 200


@pytest.mark.parametrize("body", [b"", b'{"events": []}', b"no json"])
async def test_claude_codes_event_logging_is_taken_and_not_passed_on(
    stack: Stack, body: bytes
) -> None:
    response = await stack.session.post(stack.url + "/api/event_logging/batch", data=body)
    assert response.status == 204
    assert stack.script.requests == []


async def test_health_says_what_is_configured_and_nothing_secret(stack: Stack) -> None:
    response = await stack.get("/health", headers={"x-api-key": KEY})
    told = await response.json()
    assert response.status == 200
    assert told["status"] == "ok"
    assert told["version"] == __version__
    assert told["uptime_seconds"] >= 0
    bases = {"anthropic": stack.zai.anthropic_base, "openai": stack.zai.openai_base}
    assert told["upstreams"] == bases
    assert told["clients"] == {
        "models": {"text": "glm-4.5", "vision": "glm-4.5v"},
        "windows": {"chat": 128_000, "messages": 200_000},
    }
    assert KEY not in json.dumps(told)
    assert stack.script.requests == []


@pytest.mark.parametrize(
    "path", ["/", "/health", "/v1/models", "/v1/models/glm-4.5", "/docs", "/openapi.json"]
)
async def test_reading_needs_no_key(stack: Stack, path: str) -> None:
    assert (await stack.get(path)).status == 200


async def test_every_response_has_a_request_id(stack: Stack) -> None:
    for path in ("/health", "/v1/models", "/nothing"):
        response = await stack.get(path)
        assert response.headers["x-request-id"] == response.headers["request-id"]
    ids = [(await stack.get("/health")).headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("told", "kept"), [("my-id_1.2", True), ("a b", False), ("x" * 129, False), ("é", False)]
)
async def test_the_clients_request_id_is_kept_if_it_is_harmless(
    stack: Stack, told: str, kept: bool
) -> None:
    response = await stack.get("/health", headers={"x-request-id": told})
    assert (response.headers["x-request-id"] == told) is kept
