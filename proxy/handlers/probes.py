"""What tools and people ask to see whether anybody is there. No upstream call, no secret."""

import asyncio

from aiohttp import web

from proxy import __version__
from proxy.context import SETTINGS, STARTED, UPSTREAM
from proxy.dialects.registry import CLIENTS


async def health(request: web.Request) -> web.Response:
    """Status, version, uptime in seconds, the upstream bases, and what tools are to believe.

    `windows` are tokens, null where counts are not scaled: then a model's own is right.
    """
    settings = request.app[SETTINGS]
    uptime = asyncio.get_running_loop().time() - request.app[STARTED]
    windows = {dialect: settings.windows.client(dialect) for dialect in CLIENTS}
    return web.json_response(
        {
            "status": "ok",
            "version": __version__,
            "uptime_seconds": round(uptime, 1),
            "upstreams": request.app[UPSTREAM].bases,
            "clients": {
                "models": {"text": settings.autotext_model, "vision": settings.autovision_model},
                "windows": None if settings.token_scaling == "off" else windows,  # noqa: S105
            },
        }
    )


async def root(_request: web.Request) -> web.Response:
    """Claude Code asks for `/` to see whether the base URL answers."""
    return web.json_response(
        {"name": "anthropic-proxy", "version": __version__, "docs": "/docs", "health": "/health"}
    )


async def event_logging(request: web.Request) -> web.Response:
    """Claude Code's telemetry ends here: taken, not kept, not passed on."""
    await request.release()
    return web.Response(status=204)
