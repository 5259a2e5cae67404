"""Between which windows token counts are scaled for this client on this route."""

from functools import lru_cache
from typing import Final

from aiohttp import web

from proxy import models
from proxy.context import OBSERVATION, SCALE, SETTINGS, Handler
from proxy.errors import DialectName
from proxy.routing import Route
from proxy.settings import Settings
from proxy.tokens.scale import Scale


@web.middleware
async def token_scaling(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave the Scale on API requests."""
    seen = request[OBSERVATION]
    if seen.route:
        seen.scale = request[SCALE] = scale_for(seen.dialect, seen.route, request.app[SETTINGS])
    return await handler(request)


def scale_for(dialect: DialectName, route: Route, settings: Settings) -> Scale:
    """Client's window / window that counts: the endpoint's, or the model's own, by setting."""
    if settings.token_scaling == "off":  # noqa: S105 - tokens of text, no secret
        return Scale()
    return _scale(*windows_for(dialect, route, settings))


_scale: Final = lru_cache(maxsize=64)(Scale.between)
"""There are as many factors as pairs of windows: few."""


def windows_for(dialect: DialectName, route: Route, settings: Settings) -> tuple[int, int]:
    """The window that the client believes in, and the one its prompt is counted against."""
    windows = settings.windows
    if settings.token_scaling == "real":  # noqa: S105
        counted = models.describe(route.model, settings.real_text_model_tokens).window
    else:
        counted = windows.endpoint(route.endpoint, vision=route.vision)
    return windows.client(dialect), counted
