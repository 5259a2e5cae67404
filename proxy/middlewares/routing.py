"""Reads the body once, checks it, and decides where the request goes."""

import asyncio
from typing import Any, Final

import msgspec
from aiohttp import web

from proxy import loose_json, routing
from proxy.context import CALL, OBSERVATION, POLICY, ROUTE, Call, Handler
from proxy.dialects.changes import Changes
from proxy.dialects.registry import CLIENTS
from proxy.errors import GatewayError, Problem, invalid

_BOM: Final = b"\xef\xbb\xbf"
_BODY_SECONDS: Final = 300


@web.middleware
async def route(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave the parsed Call and its Route on API requests."""
    seen = request[OBSERVATION]
    operation = seen.operation
    if operation:
        raw = await _read(request)
        seen.bytes_in = len(raw)
        changes = Changes()
        body = parse(raw, changes)
        dialect = CLIENTS[operation.dialect]
        view = dialect.read(body)
        call = request[CALL] = Call(dialect, body, view, changes)
        seen.streams, seen.changes = call.streams, changes
        decided = request[ROUTE] = routing.choose(
            view.model, has_images=dialect.has_images(view), policy=request.app[POLICY]
        )
        seen.route = decided.told()
    return await handler(request)


async def _read(request: web.Request) -> bytes:
    """The body; a client that sends it too slowly is not waited for."""
    if request.content.is_eof():
        return await request.read()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        message = f"The request body took more than {_BODY_SECONDS} s."
        raise GatewayError(Problem("invalid_request_error", message, status=408)) from None


def parse(raw: bytes, changes: Changes) -> dict[str, Any]:
    """The JSON object in a request body. Raises GatewayError (400) if there is none."""
    raw = raw.removeprefix(_BOM)
    try:
        body = _decode(raw, changes)
    except RecursionError:
        raise invalid("body: nested too deeply") from None
    except UnicodeDecodeError:
        raise invalid("body: not valid UTF-8") from None
    except ValueError as error:
        raise invalid(f"body: not valid JSON ({error})") from None
    if not isinstance(body, dict):
        raise invalid("body: expected a JSON object")
    return body


def _decode(raw: bytes, changes: Changes) -> Any:
    """Decode, after replacing half surrogate pairs if there are any: they are no text."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        if b"\\ud" not in raw.lower():
            raise
    mended = loose_json.mend(raw)
    changes.add("body", "half surrogate pairs replaced")
    return msgspec.json.decode(mended)
