"""Whose key goes upstream: the client's, if it may and did send one, else the server's."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from proxy.access import Guard
from proxy.context import CREDENTIAL, GUARD, OBSERVATION, SETTINGS, Credential, Handler
from proxy.errors import GatewayError, Problem
from proxy.settings import Settings

_NO_KEY: Final = Problem(
    "authentication_error",
    "No API key was sent.",
    hint="Send your z.ai key as `Authorization: Bearer ...` or `x-api-key`, or set SERVER_API_KEY.",
)
_BAD_KEY: Final = Problem(
    "authentication_error", "The API key contains characters that no header may carry."
)


@web.middleware
async def credentials(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave a Credential on API requests; without any key the answer is 401."""
    if request[OBSERVATION].operation:
        app = request.app
        credential = choose(request.headers, app[SETTINGS], app[GUARD])
        if credential is None:
            raise GatewayError(_NO_KEY)
        if not (credential.key.isascii() and credential.key.isprintable()):
            raise GatewayError(_BAD_KEY)
        request[CREDENTIAL] = credential
    return await handler(request)


def choose(headers: Mapping[str, str], settings: Settings, guard: Guard) -> Credential | None:
    """The credential for a request, or None if there is none."""
    told = client_key(headers, guard) if settings.forward_client_key else ""
    if told:
        return Credential(told, "client")
    return Credential(settings.server_api_key, "server") if settings.server_api_key else None


def client_key(headers: Mapping[str, str], guard: Guard) -> str:
    """The key a client sent: `Authorization: Bearer` before `x-api-key`; empty if neither.

    The gateway's own key in their place is no key of the client, and never goes upstream.
    """
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else ""
    if not key or guard.is_key(key):
        key = headers.get("x-api-key", "").strip()
    return "" if guard.is_key(key) else key
