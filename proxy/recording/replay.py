"""A recording through the code of today: the request's translation, and the last attempt's answer.

The answer goes through the real opening, delivery and transcoder, in the chunks in which it came.
What made the gateway end a reply from outside (a limit, a stop, a client that left) cannot happen
again: it is taken from the recording, as is every time.
"""

from typing import Any, Final, cast

import aiohttp
from aiohttp import web

from proxy import models
from proxy.context import Observation
from proxy.dialects.changes import Changes
from proxy.dialects.degrade import DEGRADES
from proxy.dialects.reading import read
from proxy.dialects.registry import CLIENTS, ENDPOINTS, transcoder, upstream_request
from proxy.dialects.transcoder import ReplyContext
from proxy.errors import DialectName, GatewayError, Problem
from proxy.handlers import delivery
from proxy.handlers.client_stream import ClientStream
from proxy.handlers.limits import Clock
from proxy.handlers.opening import open_reply
from proxy.handlers.reading import Chunks
from proxy.loose_json import encode
from proxy.recording.tape import Attempted, Tape, Told
from proxy.routing import Route
from proxy.tokens.scale import Scale
from proxy.upstream.advice import advise
from proxy.upstream.reply import Reply

_OUTSIDE: Final = frozenset({"gateway_queue_full", "gateway_shutting_down", "upstream_timeout"})
"""Codes of problems that no byte of the upstream gives rise to."""

_NOT_REFUSED: Final = Told(0, b"Today the request is not refused.")


class _StoppedError(Exception):
    """The recording ends here, and the upstream's answer did not."""


def translate(tape: Tape) -> list[bytes]:
    """The request as it would go upstream today, then its weaker forms after a refusal.

    Empty where the request was refused before it had a route. Raises GatewayError if it is refused.
    """
    body, view = _read(tape)
    route, window = tape.header.route, tape.header.window
    if route is None or window is None:
        return []
    endpoint, client = ENDPOINTS[route.endpoint], CLIENTS[tape.header.dialect]
    model = models.describe(route.model, window)
    forms = [upstream_request(client, endpoint, view, body, model, Changes())]
    for degrade in DEGRADES[endpoint.name].values():
        forms += [weaker for form in forms if (weaker := degrade(form)) is not None]
    return [encode(form) for form in forms]


async def replay(tape: Tape, dialect: DialectName | None = None) -> Told | None:
    """What the client would be told today, or one of another dialect; None: nothing before it left.

    The counts of another dialect keep the recorded scale.
    """
    asked = dialect or tape.header.dialect
    stream = _Collected()
    try:
        return await _play(tape, asked, stream)
    except GatewayError as error:
        problem: Problem | None = error.problem
    except (_StoppedError, aiohttp.ClientError):
        problem = tape.end.problem
    if tape.end.problem and tape.end.problem.code in _OUTSIDE:
        problem = tape.end.problem
    committed = stream.body or (dialect is None and tape.told and tape.told.streamed)
    if problem and not committed:
        return _refusal(tape, asked, _advised(tape, problem))
    if tape.header.streams and (committed or problem):
        end = CLIENTS[asked].error(_advised(tape, problem)) if problem else b""
        return Told(200, stream.body + end, streamed=True)
    return None


async def _play(tape: Tape, dialect: DialectName, stream: "_Collected") -> Told:
    _body, view = _read(tape)
    route, attempt = tape.header.route, tape.attempts[-1] if tape.attempts else None
    if route is None:
        return _NOT_REFUSED
    if attempt is None or attempt.response is None or tape.header.window is None:
        raise _StoppedError
    content = cast("aiohttp.StreamReader", _Content(attempt))
    response = Reply(attempt.response.status, attempt.response.headers, content, lambda: None)
    context = _context(tape, route, view, dialect)
    endpoint, client = ENDPOINTS[route.endpoint], CLIENTS[dialect]
    whole = await open_reply(response, endpoint, tape.header.window, context.frame_limit)
    chunks, reply = Chunks(response, Clock(0.0), whole), transcoder(client, endpoint, context)
    header = tape.header
    seen = Observation(header.request_id, "POST", header.path, "", 0.0, 0.0, None, dialect)
    if tape.header.streams:
        await delivery.pass_on(chunks, reply, stream, seen)
        return Told(200, stream.body, streamed=True)
    answer = await delivery.gather(chunks, reply, client.fold(), seen)
    body = answer.body if isinstance(answer, web.Response) else None
    return Told(answer.status, body if isinstance(body, bytes) else b"")


def _read(tape: Tape) -> tuple[dict[str, Any], Any]:
    """The client's body and its typed view. Raises GatewayError if today it is refused."""
    return read(tape.request.data.raw, CLIENTS[tape.header.dialect], Changes())


def _context(tape: Tape, route: Route, view: Any, dialect: DialectName) -> ReplyContext:
    """The recorded context; a refused request has none, and needs none."""
    if tape.header.context is None:
        return ReplyContext(route.asked, Scale(), tape.header.window or 0, 0, "")
    schemas = CLIENTS[tape.header.dialect].schemas(view)
    if dialect == tape.header.dialect:
        return tape.header.context.rebuilt(schemas=schemas)
    return tape.header.context.rebuilt(schemas=schemas, include_usage=True)


def _advised(tape: Tape, problem: Problem) -> Problem:
    if not (tape.attempts and tape.header.route):
        return problem
    path = ENDPOINTS[tape.header.route.endpoint].path
    return advise(problem, tape.attempts[-1].url.removesuffix(path))


def _refusal(tape: Tape, dialect: DialectName, problem: Problem) -> Told:
    body = encode(problem.body(dialect, tape.header.request_id))
    return Told(problem.http_status(dialect), body)


class _Collected(ClientStream):
    """A client's stream without a client."""

    def __init__(self) -> None:
        self.body = b""

    async def write(self, data: bytes) -> None:
        """Keep it."""
        self.body += data

    async def finish(self, rest: bytes = b"") -> web.StreamResponse:
        """Nobody waits for it."""
        self.body += rest
        return web.StreamResponse()


class _Content:
    """The recorded chunks, one a read."""

    def __init__(self, attempt: Attempted) -> None:
        self._chunks = iter(attempt.chunks)
        self._end = attempt.end

    async def readany(self) -> bytes:
        """The next chunk; `b""` at the end. Raises what the gateway saw."""
        chunk = next(self._chunks, b"")
        if chunk:
            return chunk
        if self._end is None:
            raise _StoppedError
        if self._end.broken:
            raise aiohttp.ClientPayloadError
        return b""
