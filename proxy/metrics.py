"""`GET /metrics` for Prometheus: counted once a request when it is over, gauges read when asked.

Each application has a registry of its own, so that several live in one process. Labels come from
fixed sets: a model that is not in the table is "other", and so is a code. Nothing here knows a
prompt, an answer or a key.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy import __version__, models
from proxy.context import GATES, OBSERVATION, WATCHDOG
from proxy.handlers.client_stream import CLIENT_LEFT
from proxy.refusals import MEANINGS
from proxy.tallies import Tally, Timing

_NAME: Final = "anthropic_proxy"
_DURATIONS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1800)
"""Seconds: a short answer takes one, an agent's turn minutes."""

_FIRST_EVENTS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)
_KNOWN_CODES: Final = frozenset(MEANINGS) | {
    "context_length_exceeded",
    "upstream_connect_timeout",
    "upstream_disconnected",
    "upstream_ended_early",
    "upstream_garbage",
    "upstream_network_error",
    "upstream_proxy_failed",
    "upstream_redirect",
    "upstream_timeout",
    "upstream_tls_failed",
    "upstream_unreachable",
}
"""z.ai's business codes (zai.md 2.3), and the gateway's own for an upstream that fails."""


class Metrics:
    """The numbers of one application; an `Observer` of its requests."""

    def __init__(self, app: web.Application) -> None:
        self.registry = CollectorRegistry()
        where = ("operation", "dialect", "endpoint")
        self._requests = self._tally(
            "requests", "Requests to the API that are over.", *where, "model", "status"
        )
        self._duration = self._timing(
            "request_duration_seconds", "From request to the end of its answer.", _DURATIONS, *where
        )
        self._first_event = self._timing(
            "time_to_first_event_seconds",
            "From request to the first event with content.",
            _FIRST_EVENTS,
            "dialect",
            "endpoint",
        )
        self._tokens = self._tally(
            "tokens",
            "Tokens, as z.ai counted them (raw) and as clients were told them (scaled).",
            "dialect",
            "endpoint",
            "model",
            "kind",
            "count",
        )
        self._upstream_errors = self._tally(
            "upstream_errors",
            "Errors of z.ai by its code, also those that another attempt overcame.",
            "code",
        )
        self._retries = self._tally("upstream_retries", "Attempts after the first.")
        self._mended = self._tally(
            "mended_tool_calls", "Tool calls whose arguments were mended by their schema."
        )
        self._changed = self._tally(
            "changed_requests", "Requests in which something was changed, clamped or dropped."
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(_Gauges(app))

    def started(self, request: web.Request) -> None:
        """See `Observer`: what is counted is counted at the end."""

    def finished(self, request: web.Request, status: int, now: float) -> None:
        """Count a request to the API; `now` is the loop's time."""
        seen = request[OBSERVATION]
        route, operation, changes = seen.route, seen.operation, seen.changes
        if operation is None:
            return
        endpoint, model = (route.endpoint, _model(route.model)) if route else ("none", "none")
        name = "count_tokens" if operation.counts_only else "generate"
        self._requests.by[name, seen.dialect, endpoint, model, _status_class(status)] += 1
        self._duration.observe(now - seen.started, name, seen.dialect, endpoint)
        if seen.first_event is not None:
            self._first_event.observe(seen.first_event - seen.started, seen.dialect, endpoint)
        for count, told in (("raw", seen.raw_tokens), ("scaled", seen.scaled_tokens)):
            for field, tokens in told.items():
                if tokens:
                    place = (seen.dialect, endpoint, model, _KINDS[field], count)
                    self._tokens.by[place] += tokens
        ended = (
            [seen.error] if seen.error and _is_upstream(seen.error, seen.upstream_status) else []
        )
        for code in (*seen.overcome, *ended):
            self._upstream_errors.by[code if code in _KNOWN_CODES else "other",] += 1
        self._retries.by[()] += seen.retries
        self._mended.by[()] += seen.repairs
        self._changed.by[()] += changes is not None and bool(changes.entries())

    def _tally(self, name: str, text: str, *labels: str) -> Tally:
        tally = Tally(f"{_NAME}_{name}", text, *labels)
        self.registry.register(tally)
        return tally

    def _timing(self, name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Timing:
        timing = Timing(f"{_NAME}_{name}", text, bounds, *labels)
        self.registry.register(timing)
        return timing


METRICS: Final = web.AppKey("metrics", Metrics)

_KINDS: Final[Mapping[str, str]] = {
    "input_tokens": "input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_creation",
    "output_tokens": "output",
}


class _Gauges(Collector):
    """What is so at this moment."""

    def __init__(self, app: web.Application) -> None:
        self._app = app

    def describe(self) -> list[Metric]:
        """The registry asks for names before the application has started."""
        return [self._gauge(name, text) for name, (text, _) in _NOW.items()]

    def collect(self) -> Iterator[Metric]:
        """One sample each."""
        for name, (text, read) in _NOW.items():
            family = self._gauge(name, text)
            family.add_metric([], read(self._app))
            yield family
        build = GaugeMetricFamily(f"{_NAME}_build_info", "The version.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build

    def _gauge(self, name: str, text: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"{_NAME}_{name}", text, labels=[])


def standing(app: web.Application) -> tuple[int, int]:
    """How many replies hold a place and how many wait for one, over all keys."""
    gates = app[GATES]
    return sum(gate.active for gate in gates), sum(gate.waiting for gate in gates)


_NOW: Final[Mapping[str, Any]] = {
    "open_replies": ("Replies in the making.", lambda app: len(app[WATCHDOG])),
    "gate_active": ("Replies that hold a place of their key.", lambda app: standing(app)[0]),
    "gate_waiting": ("Requests that wait for a place.", lambda app: standing(app)[1]),
}


async def metrics(request: web.Request) -> web.Response:
    """The exposition, in the format that the scraper prefers."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    body = encode(request.app[METRICS].registry)
    return web.Response(body=body, headers={"content-type": content_type})


def _model(name: str) -> str:
    return name if models.find(name) else "other"


def _status_class(status: int) -> str:
    return "client_left" if status == CLIENT_LEFT else f"{status // 100}xx"


def _is_upstream(error: str, upstream_status: int | None) -> bool:
    """Whether the upstream is to blame: it answered, or could not."""
    return upstream_status is not None or error.startswith("upstream_")
