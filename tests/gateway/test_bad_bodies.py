"""Bodies that are no JSON, too large, compressed, broken or hostile: refused, never a 500."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest
from conftest import KEY, Stack, StackFactory
from gateway_talk import COUNT, DIALECTS, ENDPOINTS, PATHS, Dialect, ask, assert_error

try:
    from compression import zstd  # type: ignore[import-not-found,unused-ignore]
except ImportError:
    from backports import zstd

from proxy.simulator import Reply

MB = 1024 * 1024
HELLO = json.dumps(ask()).encode()
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}

NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \n ",
    "text": b"hello",
    "open": b'{"messages": [',
    "twice": HELLO + HELLO,
    "trailing comma": b'{"messages": [],}',
    "single quotes": b"{'messages': []}",
    "NaN": b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "not UTF-8": b'{"messages": "\xff\xfe"}',
    "UTF-16": json.dumps(ask()).encode("utf-16"),
    "half an escape": b'{"messages": "\\u12"}',
    "a NUL": b'{"messages": "\x00"}',
    "form": b"messages=1&model=2",
}


@pytest.mark.parametrize("path", [*PATHS.values(), COUNT])
@pytest.mark.parametrize("name", NO_JSON)
async def test_no_json_is_400(stack: Stack, name: str, path: str) -> None:
    response = await stack.post(path, NO_JSON[name])
    error = await assert_error(response, "chat" if "chat" in path else "messages", 400)
    assert "body" in error["message"]
    assert stack.script.requests == []


def no_text(endpoint: str) -> bytes:
    """A request to the endpoint with a text that is not UTF-8, which nobody here reads."""
    message = b'{"role": "user", "content": "a\xffb"}'
    model = f"glm-4.5-{endpoint}".encode()
    return b'{"model": "%s", "max_tokens": 9, "messages": [%s]}' % (model, message)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_that_a_text_is_no_utf_8_explains_a_refusal(
    stack: Stack, dialect: Dialect, endpoint: str
) -> None:
    response = await stack.post(PATHS[dialect], no_text(endpoint))
    error = await assert_error(response, dialect, 400)
    assert error["message"] == "body: not valid UTF-8"
    [received] = stack.script.requests
    assert b"a\xffb" in received.body


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_but_not_a_refusal_for_something_else(stack: Stack, dialect: Dialect) -> None:
    stack.script.replies.append(Reply.json({"error": {"code": "1000"}}, status=401))
    response = await stack.post(PATHS[dialect], no_text("anthropic"))
    await assert_error(response, dialect, 401)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_nor_that_nobody_refused(start_stack: StackFactory, dialect: Dialect) -> None:
    stack = await start_stack(upstream_base="http://127.0.0.1:9")
    response = await stack.post(PATHS[dialect], no_text("anthropic"))
    await assert_error(response, dialect, 502)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("depth", [500, 5_000, 200_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
async def test_deep_nesting_is_refused_or_served_but_no_500(
    stack: Stack, dialect: Dialect, depth: int, pair: str
) -> None:
    opening = "[" if pair == "[]" else '{"a":'
    deep = opening * depth + "1" + pair[1] * depth
    body = f'{{"messages":[{{"role":"user","content":"Hi"}}],"tools":{deep}}}'
    response = await stack.post(PATHS[dialect], body.encode())
    await assert_error(response, dialect, 400)
    assert stack.script.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("endpoint", ["anthropic", "openai"])
@pytest.mark.parametrize("depth", [100, 250, 300, 490, 900, 2_000, 9_000])
async def test_a_deep_schema_is_served_or_refused(
    stack: Stack, dialect: Dialect, endpoint: str, depth: int
) -> None:
    """A tool's schema may be anything; what is too deep for us is 400."""
    schema = '{"properties":{"a":' * depth + "{}" + "}}" * depth
    tool = f'{{"name":"look","input_schema":{schema}}}'
    if dialect == "chat":
        tool = f'{{"type":"function","function":{{"name":"look","parameters":{schema}}}}}'
    body = json.dumps(ask(model=f"glm-4.5-{endpoint}", tools=[0])).replace("[0]", f"[{tool}]")
    response = await stack.post(PATHS[dialect], body.encode())
    assert response.status in (200, 400), await response.text()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("endpoint", ["anthropic", "openai"])
async def test_half_surrogate_pairs_become_text(
    stack: Stack, dialect: Dialect, endpoint: str
) -> None:
    r"""`"\ud83d"` is legal JSON; editors cut emoji in two."""
    body = ask("Hello \ud83d and \ude00", model=f"glm-4.5-{endpoint}")
    response = await stack.post(PATHS[dialect], json.dumps(body).encode())
    assert response.status == 200, await response.text()
    assert "\ufffd" in json.dumps(stack.script.requests[-1].body, ensure_ascii=False)
    assert "surrogate" in response.headers["x-proxy-changed"]


@pytest.mark.parametrize("path", [*PATHS.values(), COUNT])
async def test_a_byte_order_mark_does_no_harm(stack: Stack, path: str) -> None:
    assert (await stack.post(path, b"\xef\xbb\xbf" + HELLO)).status == 200


@pytest.mark.parametrize("path", [*PATHS.values(), COUNT])
async def test_a15_too_large_is_413_and_names_the_limit(
    start_stack: StackFactory, path: str
) -> None:
    """413 or crash on long sessions."""
    stack = await start_stack(max_body_mb=1)
    dialect: Dialect = "chat" if "chat" in path else "messages"
    response = await stack.post(path, ask("x" * MB))
    error = await assert_error(response, dialect, 413)
    assert "1 MB" in error["message"]
    assert "MAX_BODY_MB" in error["message"]
    assert stack.script.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a15_long_sessions_pass_by_default(stack: Stack, dialect: Dialect) -> None:
    """aiohttp's own default is 1 MiB."""
    response = await stack.post(PATHS[dialect], ask("x " * 2 * MB))
    assert response.status == 200, await response.text()


@pytest.mark.parametrize("path", [*PATHS.values(), COUNT])
@pytest.mark.parametrize("coding", PACKERS)
async def test_a16_compressed_bodies_are_read(stack: Stack, coding: str, path: str) -> None:
    """Compressed bodies mishandled (Codex sends zstd)."""
    headers = {"x-api-key": KEY, "content-encoding": coding}
    response = await stack.post(path, PACKERS[coding](HELLO), headers=headers)
    assert response.status == 200, await response.text()
    if path != COUNT:
        received = stack.script.requests[-1]
        assert "Hello" in json.dumps(received.body["messages"])
        assert "content-encoding" not in received.headers


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("coding", PACKERS)
async def test_a16_a_decompression_bomb_is_bounded(
    start_stack: StackFactory, coding: str, dialect: Dialect
) -> None:
    """The limit is on what comes out."""
    stack = await start_stack(max_body_mb=1)
    headers = {"x-api-key": KEY, "content-encoding": coding}
    bomb = PACKERS[coding](b'{"messages": "' + b"x" * 20 * MB + b'"}')
    assert len(bomb) < MB // 10
    response = await stack.post(PATHS[dialect], bomb, headers=headers)
    error = await assert_error(response, dialect, 413)
    assert "1 MB" in error["message"]
    assert stack.script.requests == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize("harm", ["not compressed", "cut", "garbled"])
async def test_a16_broken_compression_is_400(
    stack: Stack, coding: str, dialect: Dialect, harm: str
) -> None:
    """Neither a 500 nor half a prompt."""
    packed = PACKERS[coding](HELLO)
    data = {
        "not compressed": HELLO,
        "cut": packed[: len(packed) // 2],
        "garbled": packed[:6] + bytes(b ^ 0x5A for b in packed[6:]),
    }[harm]
    headers = {"x-api-key": KEY, "content-encoding": coding}
    response = await stack.post(PATHS[dialect], data, headers=headers)
    assert stack.script.requests == []
    if (coding, harm) == ("deflate", "cut"):
        # aiohttp's parser finds this one while it reads the headers and answers by itself.
        assert (response.status, await response.text()) == (400, "deflate")
    else:
        await assert_error(response, dialect, 400)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_body_in_an_unknown_coding_is_refused(stack: Stack, dialect: Dialect) -> None:
    headers = {"x-api-key": KEY, "content-encoding": "compress"}
    response = await stack.post(PATHS[dialect], b"\x1f\x9d" + HELLO, headers=headers)
    await assert_error(response, dialect, 400)
    assert stack.script.requests == []


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "multipart/form-data"])
async def test_the_content_type_does_not_matter(stack: Stack, kind: str) -> None:
    headers = {"x-api-key": KEY, "content-type": kind}
    assert (await stack.post(PATHS["chat"], HELLO, headers=headers)).status == 200


async def test_a_chunked_body_is_read(stack: Stack) -> None:
    async def pieces() -> Any:
        for offset in range(0, len(HELLO), 7):
            yield HELLO[offset : offset + 7]

    url = stack.url + PATHS["chat"]
    async with stack.session.post(url, data=pieces(), headers={"x-api-key": KEY}) as response:
        assert response.status == 200
