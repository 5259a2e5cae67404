"""Reads the body once, checks it, and decides where the request goes."""

import asyncio
from typing import Final

from aiohttp import web

from proxy import routing
from proxy.context import CALL, OBSERVATION, POLICY, ROUTE, Call, Handler
from proxy.dialects.changes import Changes
from proxy.dialects.reading import read
from proxy.dialects.registry import CLIENTS, has_images
from proxy.errors import GatewayError, Problem

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
        dialect = CLIENTS[operation.dialect]
        body, view = read(raw, dialect, changes)
        call = request[CALL] = Call(dialect, body, view, changes)
        seen.streams, seen.changes = call.streams, changes
        decided = request[ROUTE] = routing.choose(
            view.model, has_images=has_images(dialect, view), policy=request.app[POLICY]
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
