"""A recording as a file: JSON lines, one for each thing that happened, in order.

Times (`at`) are milliseconds since the request came. Bytes are text where they are UTF-8, else
`{"base64": ...}`; either way they come back exactly as they were.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from proxy.dialects.transcoder import ReplyContext
from proxy.errors import DialectName, Problem
from proxy.routing import Route
from proxy.tokens.scale import Scale

FORMAT: Final = 1
Outcome = Literal["complete", "error", "client_left", "cancelled"]


class Octets:
    """Bytes that are written as text where they can be. No dataclass: that msgspec would write."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw: Final = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Octets) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class Line(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="line"):
    """One line; `line` says which."""


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a `ReplyContext` had beside the tools, which are in the request."""

    model: str
    scale: tuple[int, int]
    window: int
    created: int
    reply_id: str
    frame_limit: int
    estimate: int | None = None
    include_usage: bool = False
    streams: bool = True

    @classmethod
    def of(cls, context: ReplyContext) -> "Context":
        """What is to be written of `context`."""
        scale = (context.scale.numerator, context.scale.denominator)
        told = {name: getattr(context, name) for name in cls.__struct_fields__}
        return cls(**{**told, "scale": scale})

    def rebuilt(self, **more: Any) -> ReplyContext:
        """The `ReplyContext`; `more` are fields to have otherwise, or in addition."""
        return ReplyContext(**{**msgspec.structs.asdict(self), "scale": Scale(*self.scale), **more})


class Header(Line, frozen=True, tag="recording"):
    """The first line. `route`, `window` (tokens) and `context` are missing if it did not get there.

    `redacted`: whether anything was taken out.
    """

    format: int
    version: str
    time: datetime
    request_id: str
    path: str
    dialect: DialectName
    streams: bool = False
    route: Route | None = None
    window: int | None = None
    context: Context | None = None
    changed: tuple[str, ...] = ()
    redacted: bool = False


class Request(Line, frozen=True, tag="request"):
    """What the client sent; no bytes: it was too large."""

    headers: dict[str, str]
    data: Octets


class Attempt(Line, frozen=True, tag="attempt"):
    """What the gateway sent upstream; without `data`: the same as before."""

    at: float
    url: str
    headers: dict[str, str]
    data: Octets | None = None


class Response(Line, frozen=True, tag="response"):
    """The head of the upstream's answer."""

    at: float
    status: int
    headers: dict[str, str]


class Chunk(Line, frozen=True, tag="chunk"):
    """What one read from the upstream brought."""

    at: float
    data: Octets


class UpstreamEnd(Line, frozen=True, tag="upstream_end"):
    """The upstream's answer ended; `broken`: not as HTTP wants it."""

    at: float
    broken: bool = False


class Write(Line, frozen=True, tag="write"):
    """What was written to the client at once; `keep_alive`: only because time had passed."""

    at: float
    data: Octets
    keep_alive: bool = False


class Answer(Line, frozen=True, tag="answer"):
    """An answer that was no stream: a whole reply, or an error."""

    at: float
    status: int
    headers: dict[str, str]
    data: Octets


class Cut(Line, frozen=True, tag="cut"):
    """The recording got too large: what happened from here on is missing."""

    at: float
    limit: int


class End(Line, frozen=True, tag="end"):
    """The last line. `status` is the one told (499: the client left)."""

    at: float
    status: int
    outcome: Outcome
    problem: Problem | None = None


AnyLine = Header | Request | Attempt | Response | Chunk | UpstreamEnd | Write | Answer | Cut | End


class UnreadableError(Exception):
    """The file is no recording, or not a whole one."""


def encode(line: Line) -> bytes:
    """The line, without its line feed."""
    return _encoder.encode(line)


def decode(line: bytes) -> AnyLine:
    """The line that was encoded. Raises ValueError."""
    decoded: AnyLine = _decoder.decode(line)
    return decoded


def read(path: Path) -> list[AnyLine]:
    """All lines of a file. Raises UnreadableError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror}") from None
    lines: list[AnyLine] = []
    for number, line in enumerate(raw.splitlines(), 1):
        try:
            lines.append(decode(line))
        except ValueError as error:
            raise UnreadableError(f"{path}, line {number}: {error}") from None
    if not lines or not isinstance(lines[0], Header):
        raise UnreadableError(f"{path}: it does not begin as a recording does")
    if lines[0].format != FORMAT:
        raise UnreadableError(f"{path}: format {lines[0].format}, this is version {FORMAT}")
    if not isinstance(lines[-1], End):
        raise UnreadableError(f"{path}: its end is missing")
    return lines


def streams(lines: Iterable[Line]) -> list[list[int]]:
    """The positions of lines whose bytes belong together: each answer's chunks, and the writes."""
    writes: list[int] = []
    found = [writes]
    for position, line in enumerate(lines):
        if isinstance(line, Write):
            writes.append(position)
        elif isinstance(line, Response):
            found.append([])
        elif isinstance(line, Chunk):
            found[-1].append(position)
    return found


def _to_json(value: Any) -> Any:
    if not isinstance(value, Octets):
        raise NotImplementedError
    try:
        return value.raw.decode()
    except UnicodeDecodeError:
        return {"base64": value.raw}


def _from_json(kind: type, value: Any) -> Any:
    if kind is not Octets:
        raise NotImplementedError
    if isinstance(value, str):
        return Octets(value.encode())
    return Octets(msgspec.convert(value, _Base64).base64)


class _Base64(msgspec.Struct, frozen=True):
    base64: bytes


_encoder: Final = msgspec.json.Encoder(enc_hook=_to_json)
_decoder: Final = msgspec.json.Decoder(AnyLine, dec_hook=_from_json)
