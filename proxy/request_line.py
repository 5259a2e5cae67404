"""What the log tells of a request: one line, whose fields are these. No prompt, answer or key."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct


class RequestLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message of a log record, and as JSON the whole line; what is not known is left out.

    Times ending in `_ms` are milliseconds since the request came, `bytes_in` and `bytes_out` those
    of the bodies. `model` is what the client asked for. `tokens` are as z.ai counted them,
    `scaled_tokens` as the client was told, `estimate` is the local count of the prompt and
    `estimate_error` how far it was off.
    """

    level: str
    logger: str
    event: str
    request_id: str
    method: str
    path: str
    status: int
    dialect: str
    duration_ms: float
    first_event_ms: float | None = None
    upstream_status: int | None = None
    upstream_request_id: str | None = None
    bytes_in: int
    bytes_out: int
    error: str | None = None
    retries: int = 0
    mended_tool_calls: int = 0
    base_url_hint: str | None = None
    stream: bool | None = None
    changed: tuple[str, ...] = ()
    route: str | None = None
    model: str | None = None
    upstream_model: str | None = None
    reason: str | None = None
    token_scale: str | None = None
    estimate: int | None = None
    tokens: Mapping[str, int] = {}
    scaled_tokens: Mapping[str, Any] = {}
    estimate_error: int | None = None
    time: datetime

    def __str__(self) -> str:
        """The request as people read it; the JSON has every field."""
        parts = [f"{self.status} {self.method} {self.path}", f"{self.duration_ms:.0f} ms"]
        if self.route:
            models = f"{self.model} -> {self.upstream_model}"
            parts.append(f"{models} on {self.route} ({self.reason})")
        rest = ("scaled_tokens", "changed", "retries", "error", "base_url_hint")
        told = [(name, getattr(self, name)) for name in rest]
        return " | ".join([*parts, *(f"{name}={value}" for name, value in told if value)])
