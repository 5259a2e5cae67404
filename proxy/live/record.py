"""What is told of a request (`wire.py`): one value, at any time of its life. Pure reading.

Nothing of a prompt or an answer is in it, unless CAPTURE asks for it (`capture.py`). A message of
z.ai may quote either, so an error is told by kind, code, field and hint, not by message; what
clients name (models, tools) is cut and cleaned.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from proxy.context import Observation
from proxy.durations import milliseconds
from proxy.errors import Problem
from proxy.handlers.client_stream import CLIENT_LEFT
from proxy.live.capture import NO_TEXTS, Texts
from proxy.live.wire import Failure, Phase, Record, Tokens
from proxy.middlewares.token_scaling import windows_for
from proxy.settings import Settings
from proxy.text import printable

_NAME_LIMIT: Final = 80
_PRODUCT: Final = re.compile(r"([A-Za-z][\w.-]{0,30})(?:/v?(\d[\d.]{0,12}))?", re.ASCII)
_TOOLS: Final = {
    "claude-cli": "Claude Code",
    "cline": "Cline",
    "roocode": "Roo Code",
    "roo-code": "Roo Code",
    "kilo-code": "Kilo Code",
    "kilocode": "Kilo Code",
    "opencode": "OpenCode",
    "zed": "Zed",
    "continue": "Continue",
    "aider": "aider",
    "litellm": "LiteLLM",
    "openai": "OpenAI SDK",
    "asyncopenai": "OpenAI SDK",
    "anthropic": "Anthropic SDK",
    "asyncanthropic": "Anthropic SDK",
}
"""The first product of a `User-Agent` in lower case -> the tool's own name."""


def describe(
    seen: Observation,
    number: int,
    settings: Settings,
    *,
    clock: float,
    status: int | None = None,
    texts: Texts = NO_TEXTS,
) -> Record:
    """The request as it is at `clock` (Unix time); `status` is known once it is over."""
    route = seen.route
    windows = windows_for(seen.dialect, route, settings) if route else (None, None)
    return Record(
        id=number,
        request_id=seen.request_id,
        began=round(seen.began, 3),
        tool=tool(seen.user_agent),
        path=clean(seen.path),
        dialect=seen.dialect,
        phase=phase(seen, status),
        status=status,
        streams=bool(seen.streams),
        asked=clean(route.asked) if route else None,
        model=clean(route.model) if route else None,
        endpoint=route.endpoint if route else None,
        reason=route.reason if route else None,
        duration=None if status is None else milliseconds(clock - seen.began),
        first_event=seen.first_event_ms,
        bytes_out=bytes_out(seen),
        retries=seen.retries,
        mended=seen.repairs,
        changed=seen.changes.entries() if seen.changes else (),
        scale=str(seen.scale) if seen.scale else None,
        raw=_tokens(seen.raw_tokens),
        scaled=_tokens(seen.scaled_tokens),
        client_window=windows[0],
        real_window=windows[1],
        error=_failure(seen.problem, clock) if seen.problem else None,
        prompt=texts[0],
        answer=texts[1],
    )


def phase(seen: Observation, status: int | None) -> Phase:
    """Where the request is on its way; a reply may fail after its status was told."""
    if status is None:
        if seen.first_event is not None:
            return "streaming"
        return "waiting" if seen.route else "receiving"
    if status == CLIENT_LEFT:
        return "left"
    return "failed" if seen.error or status >= 400 else "done"


def bytes_out(seen: Observation) -> int:
    """Bytes of answer so far."""
    return seen.bytes_out or (seen.stream.bytes_out if seen.stream else 0)


def tool(user_agent: str) -> str:
    """The tool's name, and its version if it tells one; nothing else of what it says of itself."""
    return _tool(user_agent[:_NAME_LIMIT])


@lru_cache(maxsize=256)
def _tool(user_agent: str) -> str:
    told = _PRODUCT.match(user_agent)
    if told is None:
        return "unknown tool"
    name = _TOOLS.get(told[1].lower(), told[1])
    return f"{name} {told[2]}" if told[2] else name


def clean(text: str) -> str:
    """A client's text: printable ASCII, of a sane length."""
    cut = text if len(text) <= _NAME_LIMIT else text[: _NAME_LIMIT - 3] + "..."
    return printable(cut, _NAME_LIMIT)


def _tokens(told: Mapping[str, int]) -> Tokens | None:
    """A Messages usage as the page's; nothing while none is known."""
    if not told:
        return None
    return Tokens(
        input=told["input_tokens"],
        cache_creation=told["cache_creation_input_tokens"],
        cache_read=told["cache_read_input_tokens"],
        output=told["output_tokens"],
    )


def _failure(problem: Problem, clock: float) -> Failure:
    until = None if problem.retry_after is None else round(clock + problem.retry_after)
    field = clean(problem.param) if problem.param else None
    return Failure(problem.kind, problem.code, field, problem.hint, until)
