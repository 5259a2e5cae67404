"""The client's stream on the wire: framed for HTTP/1.1, bare for HTTP/1.0, whatever is written."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from proxy.handlers.client_stream import ClientLeftError, ClientStream

PIECES = [b"first", b"second", b"", b"x" * 20_000, b"third"]


async def said(version: str) -> tuple[bytes, bytes]:
    """Head and body of the answer to a client that speaks so."""

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = ClientStream(request)
        for piece in PIECES:
            await stream.write(piece)
        return await stream.finish(b"last")

    app = web.Application()
    app.router.add_get("/", handler)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(f"GET / HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(30):
            answer = await reader.read()
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.lower(), body


async def test_http_1_1_is_framed_and_an_empty_piece_ends_nothing() -> None:
    head, body = await said("1.1")
    assert b"transfer-encoding: chunked" in head
    chunks = [piece for piece in [*PIECES, b"last"] if piece]
    assert body == b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


async def test_http_1_0_is_not_framed() -> None:
    head, body = await said("1.0")
    assert b"transfer-encoding" not in head
    assert body == b"".join(PIECES) + b"last"


@pytest.mark.parametrize("piece", [b"short", b"x" * 20_000])
async def test_a_client_that_is_going_is_a_client_that_left(piece: bytes) -> None:
    raised = asyncio.get_running_loop().create_future()

    async def handler(request: web.Request) -> web.StreamResponse:
        stream = ClientStream(request)
        await stream.write(b"first")
        assert request.transport is not None
        request.transport.close()
        try:
            await stream.write(piece)
        except ClientLeftError as error:
            raised.set_result(error)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", handler)
    async with TestServer(app) as server:
        _, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(30):
            assert isinstance(await raised, ClientLeftError)
        writer.close()
