"""What the layers leave on a request and on the application: typed keys for immutable values."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from aiohttp import web
from msgspec import Struct

from proxy.access import Guard
from proxy.dialects.changes import Changes
from proxy.dialects.registry import ClientDialect
from proxy.durations import milliseconds
from proxy.errors import DialectName, Problem
from proxy.handlers.client_stream import ClientStream
from proxy.recording.recording import Recording
from proxy.routing import Route, RoutingPolicy
from proxy.settings import Settings
from proxy.tokens.counter import TokenCounter
from proxy.tokens.scale import Scale
from proxy.tokens.usage import Usage
from proxy.upstream.client import Upstream
from proxy.upstream.cooldown import Cooldowns
from proxy.upstream.gate import Gates
from proxy.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Operation:
    """What a route of the API does: its dialect, and whether it generates or only counts."""

    dialect: DialectName
    counts_only: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """The key to send upstream, and whose it is."""

    key: str = field(repr=False)
    source: Literal["client", "server"]


class Call(Struct, frozen=True):
    """A parsed request: `body` as it came, `view` its typed reading in its dialect."""

    dialect: ClientDialect[Any]
    body: dict[str, Any]
    view: Any
    changes: Changes

    @property
    def streams(self) -> bool:
        """Whether the client asked for a stream."""
        return bool(self.view.stream)


class Observation(Struct, eq=False):
    """What there is to tell of a request, but its texts; filled in as it becomes known.

    It outlives the request on the live page, so it holds nothing of its body. `started` is the
    loop's time, `began` Unix time, both in seconds; `dialect` is the one to answer in, `operation`
    what the request is routed to, if to the API. The tokens are those of `usage`, as they came and
    as clients of either dialect understand them. `overcome` are the codes of refusals after which
    another attempt was made; `passed_back` are headers of the upstream's that the client gets.
    `stream` is the client's, while there is one.
    """

    request_id: str
    method: str
    path: str
    user_agent: str
    started: float
    began: float
    operation: Operation | None
    dialect: DialectName
    base_url_hint: str | None = None
    streams: bool | None = None
    changes: Changes | None = None
    route: Route | None = None
    scale: Scale | None = None
    stream: ClientStream | None = None
    first_event: float | None = None
    upstream_status: int | None = None
    upstream_request_id: str | None = None
    passed_back: Mapping[str, str] = {}
    usage: Usage | None = None
    raw_tokens: Mapping[str, int] = {}
    scaled_tokens: Mapping[str, int] = {}
    estimate: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    error: str | None = None
    problem: Problem | None = None
    retries: int = 0
    overcome: tuple[str, ...] = ()
    repairs: int = 0

    @property
    def first_event_ms(self) -> float | None:
        """Milliseconds from the request to the first event, once it is there."""
        return None if self.first_event is None else milliseconds(self.first_event - self.started)


class Observer(Protocol):
    """Is told of every request, twice: nothing it does may be slow."""

    def started(self, request: web.Request) -> None:
        """Nothing but its id and its `Observation` is known yet."""

    def finished(self, request: web.Request, status: int, now: float) -> None:
        """Everything is known; `now` is the loop's time."""


Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

SETTINGS: Final = web.AppKey("settings", Settings)
OPERATIONS: Final = web.AppKey("operations", dict[Any, Operation])
UPSTREAM: Final = web.AppKey("upstream", Upstream)
COUNTER: Final = web.AppKey("counter", TokenCounter)
WATCHDOG: Final = web.AppKey("watchdog", Watchdog)
POLICY: Final = web.AppKey("policy", RoutingPolicy)
GUARD: Final = web.AppKey("guard", Guard)
GATES: Final = web.AppKey("gates", Gates)
COOLDOWNS: Final = web.AppKey("cooldowns", Cooldowns)
LEARNED: Final = web.AppKey("learned", set[tuple[str, str, str]])
OBSERVERS: Final = web.AppKey("observers", list[Observer])
STARTED: Final = web.AppKey("started", float)

OBSERVATION: Final = web.RequestKey("observation", Observation)
CREDENTIAL: Final = web.RequestKey("credential", Credential)
CALL: Final = web.RequestKey("call", Call)
ROUTE: Final = web.RequestKey("route", Route)
SCALE: Final = web.RequestKey("scale", Scale)
RECORDING: Final = web.RequestKey("recording", Recording)
