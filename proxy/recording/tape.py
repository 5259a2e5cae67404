"""A recording put in order for replaying: the request, each attempt, what the client was told."""

from dataclasses import dataclass, field
from pathlib import Path

from proxy.recording.lines import (
    Answer,
    AnyLine,
    Attempt,
    Chunk,
    Cut,
    End,
    Header,
    Request,
    Response,
    UnreadableError,
    UpstreamEnd,
    Write,
    read,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a client was told: a stream (`status` is 200), or an answer's status and body."""

    status: int
    body: bytes
    streamed: bool = False


@dataclass(slots=True)
class Attempted:
    """An attempt: what went up, and as much of the answer as was read."""

    url: str
    body: bytes
    response: Response | None = None
    chunks: list[bytes] = field(default_factory=list)
    end: UpstreamEnd | None = None


@dataclass(frozen=True, slots=True)
class Tape:
    """A recording. `told` is None if the client left before it was told anything."""

    header: Header
    request: Request
    attempts: list[Attempted]
    told: Told | None
    cut: bool
    end: End

    @property
    def partial(self) -> bool:
        """Whether there was more than is here: too much, or for a client that did not wait."""
        return self.cut or self.end.outcome in ("client_left", "cancelled")


def load(path: Path) -> Tape:
    """The recording in a file. Raises UnreadableError."""
    lines = read(path)
    header, request, end = lines[0], lines[1], lines[-1]
    if not (isinstance(header, Header) and isinstance(request, Request) and isinstance(end, End)):
        raise UnreadableError(f"{path}: header, request or end is missing")
    if not request.data.raw:
        raise UnreadableError(f"{path}: the request was too large to be recorded")
    cut = any(isinstance(line, Cut) for line in lines)
    return Tape(header, request, _attempts(lines), _told(lines), cut, end)


def _attempts(lines: list[AnyLine]) -> list[Attempted]:
    attempts: list[Attempted] = []
    for line in lines:
        if isinstance(line, Attempt):
            same = attempts[-1].body if attempts else b""
            attempts.append(Attempted(line.url, line.data.raw if line.data else same))
        elif not attempts:
            continue
        elif isinstance(line, Response):
            attempts[-1].response = line
        elif isinstance(line, Chunk):
            attempts[-1].chunks.append(line.data.raw)
        elif isinstance(line, UpstreamEnd):
            attempts[-1].end = line
    return attempts


def _told(lines: list[AnyLine]) -> Told | None:
    """What time alone made the gateway write says nothing of the reply, but makes it a stream."""
    writes = [line for line in lines if isinstance(line, Write)]
    if writes:
        body = b"".join(line.data.raw for line in writes if not line.keep_alive)
        return Told(200, body, streamed=True)
    answer = next((line for line in lines if isinstance(line, Answer)), None)
    return Told(answer.status, answer.data.raw) if answer else None
