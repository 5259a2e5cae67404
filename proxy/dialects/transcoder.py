"""From the upstream's bytes to the client's bytes: `feed(bytes) -> bytes`, `close()`.

A transcoder is told everything it needs once, in a `ReplyContext`; what it learns from the upstream
(phase, raw usage, failure) can be read off it at any time. It never raises for what the upstream
sends: a failure is a state, because bytes that came before it still count.
"""

from abc import ABC, abstractmethod
from typing import Literal, TypeAlias

from msgspec import Struct, field

from proxy import loose_json, refusals
from proxy.dialects.arguments import Schemas, mend
from proxy.dialects.stencil import Stencil
from proxy.errors import Problem
from proxy.sse import FrameSplitter, FrameTooLargeError, data_of, frames, is_frame, pieces
from proxy.tokens.scale import Scale
from proxy.tokens.usage import Usage

Phase: TypeAlias = Literal["waiting", "streaming", "ended", "failed"]
"""How far a reply has come.

waiting: nothing that a client could use has arrived, the status line may still change.
streaming: a content block, a delta or a stop reason has arrived.
ended: the upstream said that the reply is complete.
failed: the upstream told an error, broke the protocol or ended early; `failure` says which.
"""


class ReplyContext(Struct, frozen=True):
    """What a transcoder has to know of the request.

    `model` is the name the client is answered with; `window` the real model's context in tokens;
    `created` a Unix time in seconds; `reply_id` stands in where the upstream gives no id;
    `estimate` the local count of the prompt in raw tokens, for a `message_start` that says 0;
    `include_usage` whether a Chat client asked for a usage chunk of its own; `schemas` the client's
    tools by name; `streams` whether the client sees the reply as it comes.
    """

    model: str
    scale: Scale
    window: int
    created: int
    reply_id: str
    estimate: int | None = None
    include_usage: bool = False
    schemas: Schemas = field(default_factory=dict)
    frame_limit: int = 64 * 1024 * 1024
    streams: bool = True


class Transcoder(ABC):
    """What the handler drives, whichever pair of dialects is behind it.

    Here is what all share: framing, the phase, and how failures are told.
    """

    __slots__ = (
        *("_framed", "_next", "_splitter", "_stencil"),
        *("context", "failure", "phase", "repairs", "stop_reason", "usage"),
    )

    def __init__(self, context: ReplyContext) -> None:
        self.context = context
        self.phase: Phase = "waiting"
        self.failure: Problem | None = None
        self.usage = Usage()
        self.stop_reason: str | None = None
        self.repairs = 0
        self._splitter = FrameSplitter(context.frame_limit)
        self._framed = False
        self._stencil: Stencil | None = None
        self._next: Stencil | None = None  # the same one, if the next chunk begins with a frame

    def feed(self, chunk: bytes) -> bytes:
        """Bytes for the client that `chunk` from the upstream gives rise to."""
        told = None if self._next is None else self._next.one(chunk)
        if told is None:
            told = self._split(chunk)
            self._next = None if self._splitter.tail else self._stencil
        return told

    def _split(self, chunk: bytes) -> bytes:
        """The long way of a chunk: the frames that it completes."""
        if self.phase in OVER:
            return b""
        try:
            run = self._splitter.feed(chunk)
        except FrameTooLargeError as error:
            self.fail(
                Problem("api_error", f"The upstream sent too much at once: {error}.", status=502)
            )
            return b""
        if not run:
            return b""
        self._framed = True
        return b"".join(map(self._run, pieces(run, _AT_ONCE)))

    def close(self) -> bytes:
        """The upstream ended: the last bytes, or phase `failed` if that was too early."""
        rest = self._splitter.close()
        if rest and not self._framed and not is_frame(rest):
            self.fail_with(rest)
        ready = rest and self.phase not in OVER and not _is_cut(rest)
        out = self._run(rest) if ready else b""
        if self.phase not in OVER:
            out += self._end()
        if self.phase not in OVER:
            self.fail(ENDED_EARLY)
        return out

    def fail(self, problem: Problem) -> None:
        """Enter phase `failed`, for good."""
        self.failure = problem
        self.phase = "failed"
        self._stencil = None

    def fail_with(self, data: bytes) -> None:
        """Enter phase `failed` with the error that the data of a frame tells."""
        self.fail(refusals.classify(200, data, window=self.context.window))

    def fail_overflow(self) -> None:
        """Enter phase `failed`: the prompt did not fit and nothing was generated (zai.md 1.2)."""
        self.fail(refusals.overflow(_OVERFLOW, "", self.context.window))

    def mended(self, tool: str | None, arguments: str) -> str | None:
        """The first piece of a call's arguments, if the tool's schema proves it broken, mended."""
        schema = self.context.schemas.get(tool or "")
        mended = None if schema is None else mend(arguments, schema)
        if mended is not None:
            self.repairs += 1
        return mended

    def progress(self) -> None:
        """A first real event has arrived."""
        if self.phase == "waiting":
            self.phase = "streaming"

    def stopped(self, reason: str | None) -> None:
        """The upstream told why it stopped, which may be that it failed (zai.md 1.2, 2.2)."""
        if not reason:
            return
        self.stop_reason = reason
        if reason == "network_error":
            self.fail(NETWORK_ERROR)
        elif reason == "model_context_window_exceeded" and self.phase == "waiting":
            self.fail_overflow()
        else:
            self.progress()

    def _run(self, run: bytes) -> bytes:
        """What becomes of a run: stretches of frames alike by their stencil, others one by one."""
        out: list[bytes] = []
        each, at = frames(run), 0
        while at < len(each) and self.phase not in OVER:
            told, count = self._stencil.stretch(each, at) if self._stencil else (b"", 0)
            if not count:
                self._stencil = None
                told, count = self._frame(each[at]), 1
            out.append(told)
            at += count
        return b"".join(out)

    @abstractmethod
    def _frame(self, frame: bytes) -> bytes:
        """What becomes of a frame (without its blank line); here its stencil may be learned."""

    def _end(self) -> bytes:
        """The upstream closed: complete the reply if it was in fact complete."""
        return b""


def _is_cut(frame: bytes) -> bool:
    """Whether the last frame, which lacks its blank line, lacks more than that."""
    data = data_of(frame).strip()
    if data.startswith(b"["):
        return not data.endswith(b"]")
    try:
        loose_json.decode(data)
    except (ValueError, RecursionError):
        return True
    return False


_AT_ONCE = 16 * 1024
"""Bytes of a run that are looked at together: CPython searches longer ones more slowly."""

OVER = ("ended", "failed")
_OVERFLOW = Problem("invalid_request_error", "")

ENDED_EARLY = Problem(
    "api_error",
    "The upstream closed the stream before the reply was complete.",
    status=502,
    code="upstream_ended_early",
    retryable=True,
)
NETWORK_ERROR = Problem(
    "api_error",
    "The upstream broke off with a network error.",
    status=502,
    code="upstream_network_error",
    retryable=True,
)
