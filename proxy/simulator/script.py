"""What a test tells the simulator to do, and what the simulator tells the test.

A `Reply` is an immutable plan of one HTTP answer: status, headers, the steps of its body, and what
follows the last of them. Everything the simulator sends is played from such a plan, whether a test
queued it, or an `Answer` or `Failure` that each endpoint writes in its own way, or a prompt asked
for it. A `Script` is the one mutable object: the queue of replies, the list of requests, and two
tallies that can be awaited, so that no test needs to sleep.

    script = Script()
    gate = Gate()
    script.replies.append(Reply.sse(first_frame, gate, second_frame))
    async with serve_simulator(script) as address:
        ...                          # the client asks address.anthropic_base
        await gate.reached()         # the first frame is written, the second is not
        gate.open()
        await script.gone.reach(1)   # a client has left before the end of its reply
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from proxy.simulator.moments import Gate, Tally
from proxy.simulator.turn import Answer, EndpointName, Failure

T = TypeVar("T")
Then = Literal["end", "cut", "stall"]
"""After the last step: a proper end; the connection closed without one; silence until the client
leaves."""

EVENT_STREAM: Final = MappingProxyType({"Content-Type": "text/event-stream;charset=UTF-8"})
"""z.ai's header for a stream, letter by letter (zai.md 2.2)."""
JSON: Final = MappingProxyType({"Content-Type": "application/json"})


@dataclass(frozen=True, slots=True)
class Pause:
    """A step that waits `seconds`: pace for an audience, never a way to synchronise a test."""

    seconds: float


Step = bytes | Gate | Pause
"""Bytes go out as one write to the transport each."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. Headers are sent as given, and at once, also when no step follows."""

    chunks: tuple[Step, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: EVENT_STREAM)
    then: Then = "end"

    @classmethod
    def sse(cls, *chunks: Step, then: Then = "end", status: int = 200) -> "Reply":
        """An event stream of these chunks, which need not be whole frames."""
        return cls(chunks, status, EVENT_STREAM, then)

    @classmethod
    def json(
        cls, body: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> "Reply":
        """A JSON answer; `headers` are added to its content type."""
        return cls((encode(body),), status, {**JSON, **(headers or {})})

    @classmethod
    def from_file(cls, path: str | Path, status: int = 200, then: Then = "end") -> "Reply":
        """A recorded body in one chunk: `.sse` as an event stream, `.json` as JSON.

        Raises KeyError for any other suffix, OSError when the file cannot be read.
        """
        file = Path(path)
        headers = {".sse": EVENT_STREAM, ".json": JSON}[file.suffix]
        return cls((file.read_bytes(),), status, headers, then)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived. `body` is the decoded JSON, else the raw bytes.

    `query` is what followed `?`, as sent; a request outside the two APIs counts as one to the
    `openai` endpoint.
    """

    endpoint: EndpointName
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True, eq=False)
class Script:
    """What one simulator shall do and what it has seen.

    `replies` are played first; when none is left, the prompt decides (`directives.py`). A `Reply`
    goes to the next request, whatever its path. An `Answer` or a `Failure` waits for a request to
    generate that z.ai would not refuse by itself, and suits either endpoint. `pace` is the pause in
    seconds between the frames of an answer that was asked for "slowly". `arrived` counts requests
    whose body is read, `gone` the clients that left before the end of their reply.
    """

    replies: deque[Reply | Answer | Failure] = field(default_factory=deque)
    pace: float = 0.05
    requests: list[Received] = field(default_factory=list)
    arrived: Tally = field(default_factory=Tally)
    gone: Tally = field(default_factory=Tally)

    def record(self, received: Received) -> Reply | None:
        """Note the request; the reply queued for it, or None."""
        self.requests.append(received)
        self.arrived.add()
        return self._next(Reply)

    def outcome(self) -> Answer | Failure | None:
        """What is queued for a request that passed every check, or None."""
        return self._next(Answer) or self._next(Failure)

    def _next(self, kind: type[T]) -> T | None:
        """The first in the queue if it is of this kind."""
        if self.replies and isinstance(first := self.replies[0], kind):
            self.replies.popleft()
            return first
        return None


def encode(value: object) -> bytes:
    """Compact JSON with text as UTF-8, not as escapes: the way z.ai writes it since mid 2026."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
