"""The outermost layer: a request id, and one log line a request. No prompt, answer or key in it."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from proxy.context import (
    OBSERVATION,
    OBSERVERS,
    OPERATIONS,
    Handler,
    Observation,
)
from proxy.durations import milliseconds
from proxy.errors import DialectName
from proxy.handlers.client_stream import CLIENT_LEFT, ClientLeftError
from proxy.ids import new_request_id
from proxy.request_line import RequestLine
from proxy.tokens.usage import UNSCALED

_log: Final = logging.getLogger("proxy.request")
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_RIGHT: Final = "v1/"
"""What stands before the path of an operation where the client's base URL is right."""


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id (the client's own, if it is harmless) and log how it went."""
    loop = asyncio.get_running_loop()
    seen = request[OBSERVATION] = _begun(request, loop.time())
    observers = request.app[OBSERVERS]
    status = CLIENT_LEFT
    for observer in observers:
        observer.started(request)
    try:
        response = await handler(request)
        status = response.status
    except ClientLeftError:
        response = web.Response(status=CLIENT_LEFT)
    finally:
        now = loop.time()
        _complete(seen)
        for observer in observers:
            observer.finished(request, status, now)
        level = _level(seen, status)
        if _log.isEnabledFor(level):
            _log.log(level, _line(seen, status, level, now))
        _let_go(seen)
    return response


def _begun(request: web.Request, now: float) -> Observation:
    """A new observation of `request`, which came in `now`."""
    headers, path = request.headers, request.path
    told = headers.get("x-request-id")
    operation = request.app[OPERATIONS].get(request.match_info.handler)
    if operation:
        dialect = operation.dialect
    else:
        is_messages = "anthropic-version" in headers or "/messages" in path
        dialect = "messages" if is_messages else "chat"
    return Observation(
        request_id=told if told and _SAFE_ID.fullmatch(told) else new_request_id(),
        method=request.method,
        path=path,
        user_agent=headers.get("user-agent", ""),
        started=now,
        began=time.time(),
        operation=operation,
        dialect=dialect,
        base_url_hint=_base_url_hint(request, dialect),
    )


def _complete(seen: Observation) -> None:
    """What the observers and the log line all tell, worked out once."""
    if seen.stream:
        seen.bytes_out += seen.stream.bytes_out
    if seen.usage:
        seen.raw_tokens = seen.usage.as_messages()
        seen.scaled_tokens = seen.usage.as_messages(seen.scale or UNSCALED)


def _let_go(seen: Observation) -> None:
    """What must not outlive the request: its client, and what z.ai says, which may quote it."""
    seen.stream = None
    if seen.problem:
        seen.problem = replace(seen.problem, message="")


def _level(seen: Observation, status: int) -> int:
    """Generations are news; health, counts and everything else only when they fail."""
    if status >= 500:
        return logging.WARNING
    if seen.operation and not seen.operation.counts_only:
        return logging.INFO
    return logging.INFO if status in (401, 403) else logging.DEBUG


def _line(seen: Observation, status: int, level: int, now: float) -> RequestLine:
    """What there is to tell; `now` is the loop's time."""
    route, changes = seen.route, seen.changes
    return RequestLine(
        level=logging.getLevelName(level),
        logger=_log.name,
        event="request",
        request_id=seen.request_id,
        method=seen.method,
        path=seen.path,
        status=status,
        dialect=seen.dialect,
        duration_ms=milliseconds(now - seen.started),
        first_event_ms=seen.first_event_ms,
        upstream_status=seen.upstream_status,
        upstream_request_id=seen.upstream_request_id,
        bytes_in=seen.bytes_in,
        bytes_out=seen.bytes_out,
        error=seen.error,
        retries=seen.retries,
        mended_tool_calls=seen.repairs,
        base_url_hint=seen.base_url_hint,
        stream=seen.streams,
        changed=changes.entries() if changes else (),
        route=route.endpoint if route else None,
        model=route.asked if route else None,
        upstream_model=route.model if route else None,
        reason=route.reason if route else None,
        token_scale=str(seen.scale) if seen.scale else None,
        estimate=seen.estimate,
        tokens=seen.raw_tokens,
        scaled_tokens=_told_tokens(seen),
        estimate_error=_estimate_error(seen),
        time=datetime.fromtimestamp(seen.began + now - seen.started, tz=UTC),
    )


def _told_tokens(seen: Observation) -> Mapping[str, Any]:
    """The usage as the client was told it, in its dialect."""
    if seen.dialect == "chat" and seen.usage and seen.scale:
        return seen.usage.as_chat(seen.scale)
    return seen.scaled_tokens


def _estimate_error(seen: Observation) -> int | None:
    """How far off the local estimate of the prompt was, in tokens."""
    if seen.estimate is None or not seen.usage or not seen.usage.prompt:
        return None
    return seen.estimate - seen.usage.prompt


def _base_url_hint(request: web.Request, dialect: DialectName) -> str | None:
    """Which base URL is right, when the client's has no `/v1` or two."""
    version = request.match_info.get("version", _RIGHT)
    if version == _RIGHT:
        return None
    base = f"{request.scheme}://{request.host}"
    if dialect == "messages":
        return f"the base URL of Messages clients is {base}, without /v1"
    return f"the base URL of Chat clients is {base}/v1"
