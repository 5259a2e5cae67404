"""The outermost layer: a request id, and one log line a request. No prompt, answer or key in it."""

import asyncio
import logging
import re
from typing import Any, Final

from aiohttp import web

from proxy.context import (
    OBSERVATION,
    OBSERVERS,
    REQUEST_ID,
    Handler,
    Observation,
    dialect_of,
    observed,
    operation_of,
)
from proxy.handlers.client_stream import CLIENT_LEFT, ClientLeftError
from proxy.ids import new_request_id
from proxy.tokens.scale import Scale
from proxy.tokens.usage import UNSCALED

_log: Final = logging.getLogger("proxy.request")
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request its id (the client's own, if it is harmless) and log how it went."""
    loop = asyncio.get_running_loop()
    told = request.headers.get("x-request-id", "")
    request[REQUEST_ID] = told if _SAFE_ID.fullmatch(told) else new_request_id()
    request[OBSERVATION] = observed(request, loop.time())
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
        _count(request[OBSERVATION])
        for observer in observers:
            observer.finished(request, status, now)
        level = _level(request, status)
        if _log.isEnabledFor(level):
            _log.log(level, "request", extra=_line(request, status, now))
    return response


def _count(seen: Observation) -> None:
    """Scale what the reply cost once, for all who tell of it."""
    if seen.usage:
        seen.raw_tokens = seen.usage.as_messages()
        seen.scaled_tokens = seen.usage.as_messages(seen.scale or UNSCALED)


def _level(request: web.Request, status: int) -> int:
    """Generations are news; health, counts and everything else only when they fail."""
    if status >= 500:
        return logging.WARNING
    operation = operation_of(request)
    if operation and not operation.counts_only:
        return logging.INFO
    return logging.INFO if status in (401, 403) else logging.DEBUG


def _line(request: web.Request, status: int, now: float) -> dict[str, Any]:
    """The fields of the log line; what is not known is left out."""
    seen = request[OBSERVATION]
    route, call = seen.route, seen.call
    line: dict[str, Any] = {
        "request_id": request[REQUEST_ID],
        "method": request.method,
        "path": request.path,
        "status": status,
        "dialect": seen.dialect,
        "duration_ms": _ms(now - seen.started),
        "first_event_ms": _ms(seen.first_event - seen.started) if seen.first_event else None,
        "upstream_status": seen.upstream_status,
        "upstream_request_id": seen.upstream_request_id,
        "bytes_in": seen.bytes_in,
        "bytes_out": seen.bytes_out,
        "error": seen.error,
        "retries": seen.retries or None,
        "mended_tool_calls": seen.repairs or None,
        "base_url_hint": _base_url_hint(request),
    }
    if route:
        line["route"] = route.endpoint
        line["model"] = route.asked
        line["upstream_model"] = route.model
        line["reason"] = route.reason
    if call:
        line["stream"] = call.streams
        line["changed"] = list(call.changes.entries()) or None
    if seen.scale:
        _add_tokens(line, seen, seen.scale)
    return {key: value for key, value in line.items() if value is not None}


def _add_tokens(line: dict[str, Any], seen: Observation, scale: Scale) -> None:
    """Raw and scaled numbers, and how far off the local estimate of the prompt was."""
    line["token_scale"] = str(scale)
    line["estimate"] = seen.estimate
    if usage := seen.usage:
        is_chat = seen.dialect == "chat"
        line["tokens"] = seen.raw_tokens
        line["scaled_tokens"] = usage.as_chat(scale) if is_chat else seen.scaled_tokens
        if seen.estimate is not None and usage.prompt:
            line["estimate_error"] = seen.estimate - usage.prompt


def _base_url_hint(request: web.Request) -> str | None:
    """Which base URL is right, when the client's has no `/v1` or two."""
    version = request.match_info.get("version")
    if version is None or version == "v1/":
        return None
    base = f"{request.scheme}://{request.host}"
    if dialect_of(request) == "messages":
        return f"the base URL of Messages clients is {base}, without /v1"
    return f"the base URL of Chat clients is {base}/v1"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
