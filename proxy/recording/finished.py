"""A request that is over, as the lines of its recording: first with its secrets, then without."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web

from proxy import __version__, models
from proxy.context import CALL, OBSERVATION, ROUTE, SETTINGS
from proxy.recording.lines import (
    FORMAT,
    Answer,
    AnyLine,
    Attempt,
    Chunk,
    Context,
    End,
    Header,
    Octets,
    Outcome,
    Request,
    Write,
    decode,
    encode,
    streams,
)
from proxy.recording.recording import LIMIT, Recording, request_headers, response_headers
from proxy.recording.redaction import Redactor, joined_texts, names_in
from proxy.secrecy import secrets_of

_NOTHING: Final = Octets(b"")


@dataclass(frozen=True, slots=True)
class Finished:
    """All lines of a request, and the secrets that must not be in them."""

    lines: list[AnyLine] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)


def finish(
    request: web.Request,
    body: bytes,
    recording: Recording,
    response: web.StreamResponse | None,
    status: int,
    outcome: Outcome,
) -> Finished:
    """What was noted of `request`, with what is known at its end; `response` is what it returned.

    A body that is as long as a recording may be is left out.
    """
    told = Request(request_headers(request.headers), Octets(body if len(body) < LIMIT else b""))
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        headers = response_headers(response.headers)
        answer = Answer(recording.now, response.status, headers, Octets(response.body))
        recording.add(answer, len(response.body))
    end = End(recording.now, status, outcome, request[OBSERVATION].problem)
    lines = [_header(request, recording), told, *recording.lines, end]
    return Finished(lines, secrets_of(request))


def _header(request: web.Request, recording: Recording) -> Header:
    call, route, settings = request.get(CALL), request.get(ROUTE), request.app[SETTINGS]
    seen = request[OBSERVATION]
    known = models.describe(route.model, settings.real_text_model_tokens) if route else None
    return Header(
        format=FORMAT,
        version=__version__,
        time=datetime.now(UTC),
        request_id=seen.request_id,
        path=request.path,
        dialect=seen.dialect,
        streams=call is not None and call.streams,
        route=route,
        window=known.window if known else None,
        context=Context.of(recording.context) if recording.context else None,
        changed=call.changes.entries() if call else (),
    )


def redacted(finished: Finished, home: str) -> list[AnyLine]:
    """The lines without secrets; `home` is the directory of the gateway's own user."""
    lines = finished.lines
    names = {name for blob in _blobs(lines) for name in names_in(blob)}
    redactor = Redactor(finished.secrets, home, names)
    out = [_redacted(line, redactor) for line in lines]
    for positions in streams(lines):
        chunks = redactor.redact_stream([_data(lines[position]) for position in positions])
        for position, chunk in zip(positions, chunks, strict=True):
            out[position] = msgspec.structs.replace(lines[position], data=Octets(chunk))
    if out != lines:
        out[0] = msgspec.structs.replace(out[0], redacted=True)
    return out


def _redacted(line: AnyLine, redactor: Redactor) -> AnyLine:
    """A line that is no part of a stream."""
    if isinstance(line, Chunk | Write):
        return line
    if not _data(line):
        return decode(redactor.redact(encode(line)))
    rest = _redacted(msgspec.structs.replace(line, data=_NOTHING), redactor)
    return msgspec.structs.replace(rest, data=Octets(redactor.redact(_data(line))))


def _blobs(lines: list[AnyLine]) -> Iterator[bytes]:
    """All bytes in which a home path may be whole."""
    for line in lines:
        if isinstance(line, Request | Attempt | Answer):
            yield _data(line)
    for positions in streams(lines):
        yield joined_texts([_data(lines[position]) for position in positions])


def _data(line: AnyLine) -> bytes:
    data: Octets | None = getattr(line, "data", None)
    return data.raw if data else b""
