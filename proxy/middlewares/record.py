"""Records what generates, where RECORD_DIR asks for it; else this layer is not in the stack."""

from collections.abc import AsyncIterator

from aiohttp import web

from proxy.context import OBSERVATION, RECORDING, SETTINGS, Handler
from proxy.handlers.client_stream import CLIENT_LEFT, ClientLeftError
from proxy.recording.finished import finish
from proxy.recording.lines import Outcome
from proxy.recording.recorder import RECORDER, Recorder
from proxy.recording.recording import Recording


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Leave a Recording on the request, and keep it once the request is over.

    What was refused before its body was read is not worth a file.
    """
    seen = request[OBSERVATION]
    if seen.operation is None or seen.operation.counts_only:
        return await handler(request)
    recording = request[RECORDING] = Recording()
    response: web.StreamResponse | None = None
    status = CLIENT_LEFT
    outcome: Outcome = "cancelled"
    try:
        response = await handler(request)
    except ClientLeftError:
        outcome = "client_left"
        raise
    else:
        status, outcome = response.status, "error" if seen.error else "complete"
        return response
    finally:
        if seen.bytes_in:
            body = await request.read()
            finished = finish(request, body, recording, response, status, outcome)
            request.app[RECORDER].keep(finished)


def install_recording(app: web.Application) -> None:
    """Put the layer right behind `observe`, and open the recorder before all else lives."""
    app.middlewares.insert(1, record)
    app.cleanup_ctx.append(_recorder)


async def _recorder(app: web.Application) -> AsyncIterator[None]:
    app[RECORDER] = Recorder(app[SETTINGS])
    app[RECORDER].announce()
    yield
    await app[RECORDER].close()
