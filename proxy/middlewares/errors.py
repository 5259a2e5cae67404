"""The error boundary: whatever was raised becomes a status and a body in the client's dialect."""

import logging
from typing import Final

import aiohttp
from aiohttp import web

from proxy.context import OBSERVATION, SETTINGS, Handler
from proxy.dialects.registry import CLIENTS
from proxy.errors import DialectName, GatewayError, Kind, Problem
from proxy.handlers.client_stream import ClientLeftError, ClientStream
from proxy.loose_json import encode

_log: Final = logging.getLogger("proxy.errors")
_KINDS: Final[dict[int, Kind]] = {404: "not_found_error", 405: "invalid_request_error"}


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with the problem that a layer further in raised."""
    try:
        return await handler(request)
    except ClientLeftError:
        raise
    except Exception as error:  # noqa: BLE001 - the one boundary: no traceback reaches a client
        problem = _problem(request, error)
        seen = request[OBSERVATION]
        seen.error = problem.code or problem.kind
        seen.problem = problem
        if seen.stream and seen.stream.committed:
            return await _end_stream(seen.stream, seen.dialect, problem)
        response = _answer(request, problem)
        if isinstance(error, web.HTTPMethodNotAllowed):
            response.headers["Allow"] = error.headers["Allow"]
        if isinstance(error, web.RequestPayloadError):
            await _close_behind(request, response)
        return response


def _problem(request: web.Request, error: Exception) -> Problem:
    """What the exception means to the client."""
    match error:
        case GatewayError(problem=problem):
            return problem
        case web.HTTPRequestEntityTooLarge():
            return _too_large(request)
        case aiohttp.http_exceptions.HttpProcessingError(message=message):
            return Problem("invalid_request_error", f"body: {message}")
        case web.RequestPayloadError():
            broken = "body: it ended early or its compression is broken"
            return Problem("invalid_request_error", broken)
        case web.HTTPException():
            return _http_problem(request, error)
        case _:
            return _unexpected(request, error)


async def _close_behind(request: web.Request, response: web.Response) -> None:
    """Answer and close: where the next request would begin in a broken body cannot be known."""
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    request.protocol.force_close()


async def _end_stream(
    stream: ClientStream, dialect: DialectName, problem: Problem
) -> web.StreamResponse:
    """The client was told 200 already: the reply ends with the dialect's in-stream error."""
    await stream.write(CLIENTS[dialect].error(problem))
    return await stream.finish()


def _answer(request: web.Request, problem: Problem) -> web.Response:
    seen = request[OBSERVATION]
    dialect = seen.dialect
    headers = {"retry-after": str(problem.retry_after)} if problem.retry_after else {}
    return web.Response(
        status=problem.http_status(dialect),
        body=encode(problem.body(dialect, seen.request_id)),
        content_type="application/json",
        headers=headers,
    )


def _too_large(request: web.Request) -> Problem:
    limit = request.app[SETTINGS].max_body_mb
    message = f"The request body is larger than {limit} MB (MAX_BODY_MB)."
    return Problem("request_too_large", message)


def _http_problem(request: web.Request, error: web.HTTPException) -> Problem:
    """What the router says: no such path, or not with this method."""
    kind = _KINDS.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    if error.status == 405:
        allowed = error.headers.get("Allow", "")
        message = f"{request.method} is not allowed here; use {allowed}."
    elif error.status == 404:
        message = f"There is nothing at {request.path[:200]}; GET /docs lists what there is."
    else:
        message = error.reason
    return Problem(kind, message, status=error.status)


def _unexpected(request: web.Request, error: Exception) -> Problem:
    """A mistake of ours. The log names type and place, not the message: it may quote a prompt."""
    request_id = request[OBSERVATION].request_id
    frames = []
    trace = error.__traceback__
    while trace:
        frames.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error(
        "unexpected",
        extra={
            "request_id": request_id,
            "type": type(error).__name__,
            "at": frames[-6:],
        },
    )
    message = f"The gateway made a mistake ({type(error).__name__})."
    return Problem("api_error", message, hint=f"The log has more under {request_id}.")
