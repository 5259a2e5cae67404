"""What the live page is told: the data of its server-sent events, field by field.

Fields that have their default are left out on the wire. `docs/observing.md` has these descriptions,
made by `make docs`. Of prompts and answers nothing is told, unless CAPTURE asks for it.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from proxy.errors import DialectName
from proxy.routing import EndpointName

Phase = Literal["receiving", "waiting", "streaming", "done", "failed", "left"]


class Tokens(Struct, frozen=True, forbid_unknown_fields=True):
    """A usage."""

    input: Annotated[int, Meta(description="the prompt without what was cached")]
    cache_creation: Annotated[int, Meta(description="written to the cache")]
    cache_read: Annotated[int, Meta(description="read from the cache")]
    output: Annotated[int, Meta(description="the answer, reasoning included")]


class Failure(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Why a request failed. z.ai's own message is not told: it may quote a prompt."""

    kind: Annotated[str, Meta(description="the error's type in the Messages dialect")]
    code: Annotated[str | None, Meta(description="z.ai's code, or the gateway's")] = None
    field: Annotated[str | None, Meta(description="the field that was refused")] = None
    hint: Annotated[str, Meta(description="what to do")] = ""
    until: Annotated[
        float | None, Meta(description="when a plan is usable again, Unix time in seconds")
    ] = None


class Record(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A request, as far as it has come."""

    id: Annotated[int, Meta(description="the gateway's own count, from 1")]
    request_id: Annotated[str, Meta(description="as in the log; a client may repeat its own")]
    began: Annotated[float, Meta(description="Unix time in seconds")]
    tool: Annotated[str, Meta(description="the client's name and version")]
    path: Annotated[str, Meta(description="as it was asked for")]
    dialect: Annotated[DialectName, Meta(description="the client's: `messages` or `chat`")]
    phase: Annotated[
        Phase,
        Meta(description="`receiving`, `waiting`, `streaming`, then `done`, `failed` or `left`"),
    ]
    status: Annotated[int | None, Meta(description="HTTP status; with it the request is over")] = (
        None
    )
    streams: Annotated[bool, Meta(description="whether the client asked for a stream")] = False
    asked: Annotated[str | None, Meta(description="the model that was asked for")] = None
    model: Annotated[str | None, Meta(description="the model that was used")] = None
    endpoint: Annotated[EndpointName | None, Meta(description="`anthropic` or `openai`")] = None
    reason: Annotated[str | None, Meta(description="why, as in `x-proxy-reason`")] = None
    duration: Annotated[float | None, Meta(description="milliseconds, all of it")] = None
    first_event: Annotated[
        float | None, Meta(description="milliseconds to the first event with content")
    ] = None
    bytes_out: Annotated[int, Meta(description="bytes of the answer so far")] = 0
    retries: Annotated[int, Meta(description="attempts after the first")] = 0
    mended: Annotated[int, Meta(description="tool calls whose arguments were put right")] = 0
    changed: Annotated[tuple[str, ...], Meta(description="as in `x-proxy-changed`")] = ()
    scale: Annotated[str | None, Meta(description="the factor on token counts")] = None
    raw: Annotated[Tokens | None, Meta(description="tokens as z.ai counted them")] = None
    scaled: Annotated[Tokens | None, Meta(description="tokens as the client was told")] = None
    client_window: Annotated[
        int | None, Meta(description="the window that the client believes in, in tokens")
    ] = None
    real_window: Annotated[
        int | None, Meta(description="the window that `raw` is counted against, in tokens")
    ] = None
    error: Annotated[Failure | None, Meta(description="what went wrong")] = None
    prompt: Annotated[
        str | None, Meta(description="with `CAPTURE=1`: the end of the last user's text")
    ] = None
    answer: Annotated[
        str | None, Meta(description="with `CAPTURE=1`: the beginning of the answer's text")
    ] = None


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """The present, twice a second while something is open."""

    time: Annotated[float, Meta(description="Unix time in seconds")]
    active: Annotated[int, Meta(description="requests that have a place of their key")]
    waiting: Annotated[int, Meta(description="requests that wait for one")]
    sent: Annotated[
        dict[int, int], Meta(description="bytes of each open answer, by `id` of its request")
    ]


class Snapshot(State, frozen=True, forbid_unknown_fields=True):
    """All that is known: the first event, and the next one for a reader that was too slow."""

    requests: Annotated[list[Record], Meta(description="oldest first")]
    capture: Annotated[bool, Meta(description="whether prompts and answers are told")]


EVENTS: Final[dict[str, type[Struct]]] = {"snapshot": Snapshot, "request": Record, "state": State}
"""Name of an event -> what its data is."""
