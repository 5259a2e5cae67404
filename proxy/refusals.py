"""z.ai says no in many costumes; here each becomes one `Problem`.

Costumes (zai.md 1.3, 2.3): an HTTP error with one of three JSON shapes, JSON with status 200, an
SSE `error` event, a bare `[1302][text][request id]`, a FastAPI 422 body, an HTML page. A listed
business code decides what it means; otherwise the HTTP status stays what it was.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec

from proxy.errors import STATUS, Kind, Problem, context_overflow


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a business code means to the client."""

    kind: Kind
    retryable: bool = False
    hint: str = ""
    overflow: bool = False


def _codes(codes: Iterable[int], meaning: Meaning) -> dict[str, Meaning]:
    return {str(code): meaning for code in codes}


_AUTH = Meaning("authentication_error", hint="Check the API key.")
_ACCOUNT = Meaning("permission_error", hint="Check the account on the z.ai console.")
_BALANCE = Meaning("permission_error", hint="No balance, or the key belongs to another endpoint.")
_BAD = Meaning("invalid_request_error")
_MODEL = Meaning("invalid_request_error", hint="Check the model name; GET /v1/models lists them.")
_FILTER = Meaning("invalid_request_error", hint="z.ai's content filter refused the request.")
_RATE = Meaning("rate_limit_error", retryable=True, hint="Too many requests at once for this key.")
_LOAD = Meaning("overloaded_error", retryable=True, hint="The model is overloaded; try again.")
_QUOTA = Meaning("rate_limit_error", hint="The plan's quota is used up until then.")
_DAILY = Meaning("rate_limit_error", hint="The daily limit is reached.")
_PLAN = Meaning("permission_error", hint="The plan does not cover this; see the z.ai console.")

MEANINGS: Final[Mapping[str, Meaning]] = {
    **_codes(range(1000, 1005), _AUTH),
    **_codes((1110, 1111, 1112, 1121), _ACCOUNT),
    **_codes((1113,), _BALANCE),
    **_codes((1120,), Meaning("overloaded_error", retryable=True)),
    **_codes((1210, 1212, 1213, 1214, 1215, 1220, 1221, 1222, 1231), _BAD),
    **_codes((1211,), _MODEL),
    **_codes((1230,), Meaning("api_error", retryable=True)),
    **_codes((1234,), Meaning("overloaded_error", retryable=True)),
    **_codes((1261,), Meaning("invalid_request_error", overflow=True)),
    **_codes((1300, 1301), _FILTER),
    **_codes((1302, 1303), _RATE),
    **_codes((1304,), _DAILY),
    **_codes((1305, 1312), _LOAD),
    **_codes((1308, 1310), _QUOTA),
    **_codes((1309, 1311, 1313, *range(1314, 1322)), _PLAN),
}
"""zai.md 2.3 and 4.3: business code -> meaning."""

_BY_STATUS: Final[Mapping[int, Kind]] = {status: kind for kind, status in STATUS.items()}
_RETRYABLE_STATUS: Final = frozenset({408, 429, 500, 502, 503, 504, 529})
_BARE: Final = re.compile(r"\[(\d{3,5})\]\[(.*)\]\[([\w-]+)\]\s*", re.DOTALL)
_RESET: Final = re.compile(r"reset at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_OVERFLOW: Final = re.compile(
    r"maximum context length|tokens in request more than max tokens"
    r"|prompt exceeds max length|token count exceeds|prompt is too long",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(r"(\d{4,}).*?maximum context length (?:is )?(\d{4,})", re.DOTALL)
_ZAI_ZONE: Final = timezone(timedelta(hours=8))
"""Reset times carry no zone; they were measured to be UTC+8 (zai.md 2.3)."""

_MESSAGE_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class _Told:
    """What the costume says: code and request id may be missing."""

    message: str
    code: str | None = None
    request_id: str | None = None


def find_error(value: object) -> bool:
    """Whether a decoded JSON body or event is an error, whatever its status line said."""
    if not isinstance(value, dict):
        return False
    if value.get("type") == "error" or value.get("success") is False or "detail" in value:
        return True
    return value.get("error") is not None


def classify(
    status: int,
    body: bytes,
    *,
    window: int,
    retry_after: str | None = None,
    now: datetime | None = None,
) -> Problem:
    """The problem that `body`, sent with `status`, tells.

    `window` is the model's context window in tokens, for the overflow error; `retry_after` the
    upstream's header, if any; `now` is for tests.
    """
    told = _read(body)
    meaning = MEANINGS.get(told.code or "")
    problem = Problem(
        kind=meaning.kind if meaning else _kind_of(status),
        message=_sentence(told),
        status=0 if meaning else _status_of(status),
        code=told.code,
        hint=meaning.hint if meaning else "",
        retry_after=_seconds(retry_after),
        retryable=meaning.retryable if meaning else status in _RETRYABLE_STATUS,
        upstream_status=status,
        upstream_request_id=told.request_id,
    )
    if told.message.startswith("404 NOT_FOUND"):
        problem = replace(
            problem,
            kind="not_found_error",
            status=404,
            retryable=False,
            hint="Check UPSTREAM_BASE.",
        )
    if (meaning and meaning.overflow) or _OVERFLOW.search(told.message):
        return overflow(problem, told.message, window)
    return _with_reset(problem, told.message, now or datetime.now(UTC))


def overflow(problem: Problem, message: str, window: int) -> Problem:
    """`problem` as a context overflow, with the numbers that `message` names, if it does."""
    numbers = _NUMBERS.search(message)
    if numbers:
        return context_overflow(problem, int(numbers[1]), int(numbers[2]))
    return context_overflow(problem, None, window)


def _kind_of(status: int) -> Kind:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "invalid_request_error" if 400 <= status < 500 else "api_error"


def _status_of(status: int) -> int:
    """An error told with a status that is none becomes 502: the upstream broke its word."""
    return status if status >= 400 else 502


def _sentence(told: _Told) -> str:
    message = told.message[:_MESSAGE_LIMIT].strip() or "The upstream refused without a reason"
    return f"{message} (upstream code {told.code})" if told.code else message


def _read(body: bytes) -> _Told:
    text = body.decode("utf-8", "replace").strip()
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _read_text(text)
    return _read_json(value) if isinstance(value, dict) else _read_text(text)


def _read_text(text: str) -> _Told:
    bare = _BARE.fullmatch(text)
    if bare:
        return _Told(bare[2], bare[1], bare[3])
    if text[:200].lstrip().lower().startswith(("<!doctype", "<html")):
        title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return _Told(f"The upstream sent an HTML page: {title[1].strip() if title else 'no title'}")
    return _Told(text)


def _read_json(value: Mapping[str, Any]) -> _Told:
    error = value.get("error")
    if isinstance(error, Mapping):
        code = error.get("code") or error.get("type")
        message = error.get("message")
    else:
        code = value.get("code")
        message = error or value.get("msg") or value.get("message") or _detail(value.get("detail"))
    read = _read_text(message if isinstance(message, str) else "")
    code = read.code or (str(code) if str(code).isdigit() else None)
    request_id = read.request_id or value.get("request_id")
    return _Told(read.message, code, request_id if isinstance(request_id, str) else None)


def _detail(detail: object) -> str:
    """FastAPI's 422: where and what, without the input (it may be a prompt)."""
    if isinstance(detail, str):
        return detail
    if not isinstance(detail, list):
        return ""
    found = [item for item in detail if isinstance(item, Mapping)]
    return "; ".join(
        f"{'.'.join(str(part) for part in item.get('loc', ()))}: {item.get('msg', '')}"
        for item in found
    )


def _seconds(retry_after: str | None) -> int | None:
    return int(retry_after) if retry_after and retry_after.isdecimal() else None


def _with_reset(problem: Problem, message: str, now: datetime) -> Problem:
    """Quota refusals name when they end; `retry_after` says how long that is, in seconds."""
    reset = _RESET.search(message)
    if not reset:
        return problem
    try:
        at = datetime.fromisoformat(reset[1]).replace(tzinfo=_ZAI_ZONE)
    except ValueError:
        return problem
    return replace(problem, retry_after=max(1, int((at - now).total_seconds())))
