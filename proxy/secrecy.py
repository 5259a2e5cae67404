"""What must not be shown of a request, wherever its texts are kept: keys, and what else its headers
want kept."""

from typing import Final

from aiohttp import web

from proxy.context import CREDENTIAL, SETTINGS

SHORTEST_SECRET: Final = 6
"""Characters. What is shorter is no key but a word, and taking it out would destroy the rest."""

_SECRET_HEADERS: Final = (
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "x-gateway-key",
)


def secrets_of(request: web.Request) -> frozenset[str]:
    """Every key in this request's reach, of any length, with and without its scheme."""
    settings = request.app[SETTINGS]
    found = {settings.gateway_key, settings.server_api_key}
    if CREDENTIAL in request:
        found.add(request[CREDENTIAL].key)
    for name in _SECRET_HEADERS:
        for value in request.headers.getall(name, []):
            found |= {value.strip(), value.strip().partition(" ")[2].strip()}
    return frozenset(found)
