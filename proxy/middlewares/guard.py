"""Lets in who may talk to the gateway by the policy in `access.py`, and answers preflights."""

from typing import Final

from aiohttp import web

from proxy import pages
from proxy.access import KEY_HEADER
from proxy.context import GUARD, Handler
from proxy.errors import GatewayError, Problem
from proxy.text import printable

_PREFLIGHT: Final = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-max-age": "600",
}
_OPEN: Final = frozenset(
    {
        "/health",
        "/docs",
        "/openapi.json",
        "/ui",
        *(f"/ui/{name}" for name in pages.names("proxy.live")),
    }
)
_SHOWN: Final = 100
"""So many characters of a stranger's header are shown to it."""

_ALLOWED_HEADERS: Final = ("authorization", "content-type", KEY_HEADER, "x-api-key", "x-request-id")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse strangers; answer preflights of the origins that are allowed."""
    policy, host = request.app[GUARD], request.host
    if not policy.knows_host(host):
        raise GatewayError(_strange_host(host))
    origin = request.headers.get("origin")
    if origin and not policy.knows_origin(origin, host):
        raise GatewayError(_foreign_origin(origin))
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        return web.Response(status=204, headers=_preflight(request))
    if policy.key and not (_is_open(request.path) or policy.accepts_key(request.headers)):
        raise GatewayError(_NO_GATEWAY_KEY)
    return await handler(request)


def _is_open(path: str) -> bool:
    """Health and the pages' files hold no secrets, and a browser cannot send a key with a link."""
    return path.rstrip("/") in _OPEN or path.startswith("/docs/")


def cors_headers(request: web.Request, origin: str) -> dict[str, str]:
    """What lets a page of `origin`, if it is allowed, read the answer; else nothing."""
    if not request.app[GUARD].knows_origin(origin, request.host):
        return {}
    return {"access-control-allow-origin": origin, "vary": "Origin"}


def _preflight(request: web.Request) -> dict[str, str]:
    asked = request.headers.get("access-control-request-headers", "").lower().split(",")
    names = {name.strip() for name in asked}
    allowed = [
        name
        for name in sorted(names)
        if name in _ALLOWED_HEADERS or name.startswith(("anthropic-", "x-stainless-"))
    ]
    return {**_PREFLIGHT, "access-control-allow-headers": ", ".join(allowed)}


def _strange_host(host: str) -> Problem:
    return Problem(
        "permission_error",
        f"The Host {printable(host, _SHOWN)} is not one of this gateway.",
        hint="Add it to ALLOWED_HOSTS if it is.",
    )


def _foreign_origin(origin: str) -> Problem:
    return Problem(
        "permission_error",
        f"Pages of {printable(origin, _SHOWN)} may not use this gateway.",
        hint="Add the origin to ALLOWED_ORIGINS if they may.",
    )


_NO_GATEWAY_KEY: Final = Problem(
    "authentication_error",
    "This gateway has a key of its own (GATEWAY_KEY), which was not presented.",
    hint=f"Send it as `{KEY_HEADER}`, or in place of the API key.",
)
