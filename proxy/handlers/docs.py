"""`GET /docs` and `GET /openapi.json`: the API page and its document, without any network.

The page is our own rather than a packaged viewer: it then needs no inline script, no inline style
and no `eval`, so that its content security policy can forbid all of them, shows streams as they
arrive, and weighs kilobytes. A browser that shows it talks to this gateway and to nobody else.
"""

from functools import cache
from typing import Final

from aiohttp import web

from proxy import pages
from proxy.loose_json import encode

_PACKAGE: Final = "proxy.openapi"


async def page(_request: web.Request) -> web.Response:
    """The page."""
    return pages.page(_PACKAGE)


async def asset(request: web.Request) -> web.Response:
    """A file of the page. Raises GatewayError (404) for a name it does not have."""
    return pages.asset(_PACKAGE, request.match_info["asset"])


async def document(_request: web.Request) -> web.Response:
    """The OpenAPI 3.1 document."""
    return _document().response()


@cache
def _document() -> pages.Asset:
    from proxy.openapi.document import document as told  # noqa: PLC0415 - rarely needed

    return pages.Asset(encode(told()), "application/json")
