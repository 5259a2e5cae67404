"""A proxy of aiohttp's server and client session, as one would write it first: no feature at all.

It shows what Python and aiohttp cost before the gateway does anything. `python -m bench.bare PORT
UPSTREAM` serves until it is ended.
"""

import sys
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

from bench.clock import new_loop
from bench.targets import PATHS, UPSTREAM_PATHS

_ADDRESS: Final = "127.0.0.1"
_PASSED_ON: Final = ("content-type", "x-api-key", "authorization", "anthropic-version")
_TOLD: Final = ("content-type", "content-length")
_SESSION: Final = web.AppKey("session", aiohttp.ClientSession)


def create_app(upstream: int, paths: dict[str, str]) -> web.Application:
    """Passes each of the paths on to its path at the upstream."""
    app = web.Application(client_max_size=64 * 1024 * 1024)

    async def pass_on(request: web.Request) -> web.StreamResponse:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = f"http://{_ADDRESS}:{upstream}{paths[request.path]}"
        body = await request.read()
        async with request.app[_SESSION].post(url, data=body, headers=headers) as reply:
            told = {name: reply.headers[name] for name in _TOLD if name in reply.headers}
            response = web.StreamResponse(status=reply.status, headers=told)
            await response.prepare(request)
            async for chunk in reply.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def health(_request: web.Request) -> web.Response:
        return web.Response()

    async def session(app: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as app[_SESSION]:
            yield

    app.cleanup_ctx.append(session)
    app.router.add_get("/health", health)
    for path in paths:
        app.router.add_post(path, pass_on)
    return app


def main() -> None:
    """Serve on the port in the arguments."""
    port, upstream = map(int, sys.argv[1:])
    paths = {
        PATHS["messages"]: UPSTREAM_PATHS["anthropic"],
        PATHS["chat"]: UPSTREAM_PATHS["openai"],
    }
    app = create_app(upstream, paths)
    web.run_app(app, host=_ADDRESS, port=port, access_log=None, print=None, loop=new_loop())


if __name__ == "__main__":
    main()
