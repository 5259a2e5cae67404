"""Posts by aiohttp's client session: public API alone, for proxies and unknown aiohttp versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp

from proxy.upstream.environment import HttpProxy
from proxy.upstream.reply import Reply, StaleConnectionError, is_stale


class SessionClient:
    """See `Client`. The session follows no redirect; it must trace with `reuse_tracing`."""

    def __init__(self, session: aiohttp.ClientSession, base: str, proxy: HttpProxy | None) -> None:
        self._session = session
        self._base = base
        self._proxy = proxy

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """See `Client`."""
        reuse = _Reuse()
        options: dict[str, Any] = {"headers": headers}
        if self._proxy:
            options = self._proxy.options(headers)
        options |= {"data": body, "allow_redirects": False, "trace_request_ctx": reuse}
        try:
            response = await self._session.post(self._base + path, **options)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if reuse.happened and is_stale(error):
                raise StaleConnectionError from error
            raise
        return Reply(response.status, response.headers, response.content, response.release)


@dataclass(slots=True)
class _Reuse:
    """Whether a request went out on a pooled connection."""

    happened: bool = False


def reuse_tracing() -> aiohttp.TraceConfig:
    """Tracing that notes on a request's `_Reuse` that its connection was not new."""

    async def note(_session: object, context: SimpleNamespace, _params: object) -> None:
        if isinstance(context.trace_request_ctx, _Reuse):
            context.trace_request_ctx.happened = True

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(note)
    return tracing
