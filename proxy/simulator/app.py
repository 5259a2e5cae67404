"""The simulator as an aiohttp application: z.ai's routes, and playing a reply.

Every request is read whole and noted in the script; its reply is the next one queued, else what
`respond` makes of the request. `_play` then writes the plan step by step. An open reply that the
client leaves is cancelled by the server and counted in `script.gone`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from aiohttp import web

from proxy.simulator.moments import Gate
from proxy.simulator.respond import Answerer, count_tokens, list_models, no_route, respond
from proxy.simulator.script import Pause, Received, Reply, Script

SCRIPT: Final = web.AppKey("script", Script)
_OPEN: Final[web.AppKey[set[asyncio.Task[Any]]]] = web.AppKey("open")
_BODY_LIMIT: Final = 128 * 1024 * 1024
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ROUTES: Final[tuple[tuple[str, str, Answerer], ...]] = (
    ("POST", "/api/anthropic/v1/messages", respond),
    ("POST", "/api/anthropic/v1/messages/count_tokens", count_tokens),
    ("GET", "/api/anthropic/v1/models", list_models),
    ("POST", "/api/coding/paas/v4/chat/completions", respond),
    ("GET", "/api/coding/paas/v4/models", list_models),
    ("POST", "/api/paas/v4/chat/completions", respond),
    ("GET", "/api/paas/v4/models", list_models),
    ("*", "/{unknown:.*}", no_route),
)


def create_simulator(script: Script | None = None) -> web.Application:
    """A z.ai; reach its script again as `app[proxy.simulator.app.SCRIPT]`."""
    app = web.Application(client_max_size=_BODY_LIMIT)
    app[SCRIPT] = script or Script()
    app[_OPEN] = set()
    for method, path, answerer in _ROUTES:
        app.router.add_route(method, path, _handler(answerer))
    app.on_shutdown.append(_hang_up)
    return app


def _handler(answerer: Answerer) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        script = request.app[SCRIPT]
        received = await _receive(request)
        reply = script.record(received) or answerer(received, script)
        return await _watch(request, reply, script)

    return handle


async def _receive(request: web.Request) -> Received:
    raw = await request.read()
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = raw
    return Received(
        endpoint="anthropic" if request.path.startswith("/api/anthropic/") else "openai",
        method=request.method,
        path=request.path,
        query=request.rel_url.raw_query_string,
        headers=request.headers,
        body=body,
    )


async def _watch(request: web.Request, reply: Reply, script: Script) -> web.StreamResponse:
    """Play the reply; count a client that leaves before its end."""
    task = cast("asyncio.Task[Any]", asyncio.current_task())  # a handler always runs in one
    request.app[_OPEN].add(task)
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    try:
        await _play(request, response, reply)
    except asyncio.CancelledError:
        if request.transport is None:
            script.gone.add()
        raise
    except ConnectionError:
        script.gone.add()
    finally:
        request.app[_OPEN].discard(task)
    return response


async def _play(request: web.Request, response: web.StreamResponse, reply: Reply) -> None:
    if reply.then == "end" and all(isinstance(step, bytes) for step in reply.chunks):
        _announce_length(response, reply)
    await response.prepare(request)
    for step in reply.chunks:
        match step:
            case bytes():
                await response.write(step)
            case Gate():
                await step.pass_through()
            case Pause():
                await asyncio.sleep(step.seconds)
    if reply.then == "stall":
        await asyncio.Event().wait()
    if reply.then == "cut" and request.transport is not None:
        # close() sends what is still buffered first, so the client gets every byte up to the cut.
        request.transport.close()


def _announce_length(response: web.StreamResponse, reply: Reply) -> None:
    if not reply.headers.get("Content-Type", "").startswith("text/event-stream"):
        response.content_length = sum(len(step) for step in reply.chunks if isinstance(step, bytes))


async def _hang_up(app: web.Application) -> None:
    """Stalled replies would hold the shutdown for a minute: end them."""
    tasks = app[_OPEN]
    for task in tasks:
        task.cancel()
