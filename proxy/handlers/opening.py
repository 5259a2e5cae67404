"""The first look at an upstream response, a refusal in any costume, a whole body or a stream; and
the last."""

import asyncio
import contextlib
from typing import Final

import aiohttp

from proxy import loose_json, refusals
from proxy.dialects.registry import EndpointDialect
from proxy.errors import GatewayError, Problem
from proxy.upstream.reply import Reply

_LAST_CHUNK_SECONDS: Final = 1.0
_ERROR_LIMIT: Final = 256 * 1024
"""An error is read up to here; what comes after says nothing more."""


async def open_reply(
    response: Reply, endpoint: EndpointDialect, window: int, limit: int
) -> bytes | None:
    """The stream that a whole JSON answer would have been; None if the answer streams itself.

    `window` is the model's context in tokens, `limit` the longest whole answer in bytes. Raises
    GatewayError for every refusal.
    """
    if 300 <= response.status < 400:
        raise GatewayError(_redirected(response))
    if response.status >= 400:
        body = await _read(response, _ERROR_LIMIT)
        raise GatewayError(_classified(response, body, window))
    if response.content_type == "text/html":
        raise GatewayError(_classified(response, await _read(response, _ERROR_LIMIT), window))
    if response.content_type != "application/json":
        return None
    body = await _read(response, limit)
    try:
        value = loose_json.decode(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or refusals.find_error(value):
        raise GatewayError(_classified(response, body, window))
    return endpoint.unfold(value)


def _classified(response: Reply, body: bytes, window: int) -> Problem:
    retry_after = response.headers.get("retry-after")
    return refusals.classify(response.status, body, window=window, retry_after=retry_after)


def _redirected(response: Reply) -> Problem:
    return Problem(
        "api_error",
        f"The upstream answered with a redirect ({response.status}), which is not followed.",
        status=502,
        code="upstream_redirect",
        hint="Check UPSTREAM_BASE and OPENAI_UPSTREAM_BASE.",
    )


async def finish_reading(response: Reply) -> None:
    """Read to the end of the body, which is due, so that the connection is used again."""
    if response.content.at_eof():
        return
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_LAST_CHUNK_SECONDS):
            while await response.content.readany():
                pass


async def _read(response: Reply, limit: int) -> bytes:
    """At most `limit` bytes of the body."""
    body = bytearray()
    while len(body) < limit and (chunk := await response.content.readany()):
        body += chunk
    return bytes(body[:limit])
