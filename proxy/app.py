"""The table of contents: which layers a request passes, which handler answers it, what lives long.

A request: observe > errors > guard > credentials > routing > token_scaling > handler; `record` is
behind observe where RECORD_DIR is set. Behind the two generating routes is `handlers/exchange.py`:
translate, open the upstream, pass the reply on.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Final

from aiohttp import web

from proxy import __version__
from proxy.context import (
    COOLDOWNS,
    COUNTER,
    GATES,
    GUARD,
    LEARNED,
    OBSERVATION,
    OBSERVERS,
    OPERATIONS,
    POLICY,
    SETTINGS,
    STARTED,
    UPSTREAM,
    WATCHDOG,
    Observer,
    Operation,
)
from proxy.errors import GatewayError, Problem
from proxy.handlers import docs, generate, model_list, probes
from proxy.handlers.count_tokens import count_tokens
from proxy.live import capture, site
from proxy.live.feed import FEED, Feed
from proxy.metrics import METRICS, Metrics, metrics
from proxy.middlewares.credentials import credentials
from proxy.middlewares.errors import errors
from proxy.middlewares.guard import cors_headers, guard
from proxy.middlewares.observe import observe
from proxy.middlewares.routing import route
from proxy.middlewares.token_scaling import token_scaling
from proxy.routing import NAME_LIMIT, Route
from proxy.settings import Settings
from proxy.text import printable
from proxy.tokens.counter import TokenCounter
from proxy.tokens.scale import Scale
from proxy.upstream.client import Upstream
from proxy.upstream.cooldown import Cooldowns
from proxy.upstream.gate import Gates
from proxy.watchdog import Watchdog

_API: Final = r"/{version:(?:v1/){0,2}}"
"""API paths answer with `/v1`, without it and with it doubled: common base-URL mistakes."""

_END: Final = r"{slash:/?}"

_GOING: Final = Problem(
    "overloaded_error",
    "The gateway is shutting down.",
    status=503,
    code="gateway_shutting_down",
    retryable=True,
)


def create_app(settings: Settings | None = None) -> web.Application:
    """The gateway as an aiohttp application; `settings` default to the environment.

    Raises SettingsError when the environment is wrong.
    """
    settings = settings or Settings.from_environment()
    app = web.Application(
        middlewares=[observe, errors, guard, credentials, route, token_scaling],
        client_max_size=settings.max_body_mb * 1024 * 1024,
    )
    app[SETTINGS] = settings
    app[GUARD] = settings.guard
    app[POLICY] = settings.routing
    app[METRICS], app[FEED] = Metrics(app), Feed(app)
    observers: list[Observer] = [app[METRICS], app[FEED]]
    app[OBSERVERS] = observers
    app[OPERATIONS] = {
        generate.chat_completions: Operation("chat"),
        generate.messages: Operation("messages"),
        count_tokens: Operation("messages", counts_only=True),
    }
    app.router.add_routes(
        [
            # The right paths stand first, as such: aiohttp finds them without trying patterns.
            web.post("/v1/chat/completions", generate.chat_completions),
            web.post("/v1/messages", generate.messages),
            web.post("/v1/messages/count_tokens", count_tokens),
            web.post(_API + "chat/completions" + _END, generate.chat_completions),
            web.post(_API + "messages" + _END, generate.messages),
            web.post(_API + "messages/count_tokens" + _END, count_tokens),
            web.get(_API + "models" + _END, model_list.list_models),
            web.get(_API + "models/{model}" + _END, model_list.show_model),
            web.get("/health" + _END, probes.health),
            web.get("/docs" + _END, docs.page),
            web.get("/docs/{asset}", docs.asset),
            web.get("/openapi.json", docs.document),
            web.get("/metrics" + _END, metrics),
            web.get("/ui" + _END, site.page),
            web.get("/ui/events", site.events, allow_head=False),
            web.get("/ui/{asset}", site.asset),
            web.get("/", probes.root),
            web.post("/api/event_logging/batch" + _END, probes.event_logging),
        ]
    )
    if settings.record_dir:
        from proxy.middlewares.record import install_recording  # noqa: PLC0415 - rarely needed

        install_recording(app)
    app.cleanup_ctx.append(_lifetime)
    app.on_shutdown.append(_drain)
    app.on_response_prepare.append(_tell_decisions)
    if settings.capture:
        capture.install(app)
    return app


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    """What lives as long as the application: the upstream session, the counter, the watchdog."""
    settings = app[SETTINGS]
    app[STARTED] = asyncio.get_running_loop().time()
    app[WATCHDOG] = Watchdog()
    app[GATES] = Gates(settings.upstream_concurrency)
    app[COOLDOWNS] = Cooldowns()
    app[LEARNED] = set()
    app[COUNTER] = TokenCounter()
    app[UPSTREAM] = Upstream(
        settings.upstream_base,
        settings.openai_upstream_base,
        settings.connect_seconds,
        f"anthropic-proxy/{__version__}",
        warm_connections=settings.warm_connections,
    )
    yield
    await app[WATCHDOG].close()
    await app[UPSTREAM].close()
    app[COUNTER].close()


async def _drain(app: web.Application) -> None:
    """Nobody new comes in: let live replies finish for a while, then end each in its dialect."""
    app[FEED].close()
    await app[WATCHDOG].drain(app[SETTINGS].drain_seconds, GatewayError(_GOING))


async def _tell_decisions(request: web.Request, response: web.StreamResponse) -> None:
    """Every response carries its request id, and what was decided about it."""
    headers = response.headers
    if origin := request.headers.get("origin"):
        headers.update(cors_headers(request, origin))
    if OBSERVATION not in request:
        return
    seen = request[OBSERVATION]
    told = {name: value for name, value in seen.passed_back.items() if name not in headers}
    told["x-request-id"] = told["request-id"] = seen.request_id
    if seen.changes and (changed := seen.changes.header()):
        told["x-proxy-changed"] = changed
    headers.update(told)
    if route := seen.route:
        headers.update(_decided(route, seen.scale))


@lru_cache(maxsize=256)
def _decided(route: Route, scale: Scale | None) -> dict[str, str]:
    """The headers of a decision; most requests go the same few ways."""
    told = {
        "x-proxy-route": route.endpoint,
        "x-proxy-model": printable(route.model, NAME_LIMIT),
        "x-proxy-reason": printable(route.reason, NAME_LIMIT),
    }
    return {**told, "x-proxy-token-scale": str(scale)} if scale else told
