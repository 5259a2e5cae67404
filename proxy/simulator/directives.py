"""What the prompt asks for: a few words at the end of the user's text decide what is answered.

| In the text | What happens |
| --- | --- |
| nothing of the below | a friendly answer of several deltas |
| `error 1302` | that business code, as the endpoint sends it; also `error 500`, `error 529` |
| `error 1305 in 200` | the same as the first event of a stream with HTTP 200 |
| `json error 1302` | the same as a JSON object with HTTP 200 |
| `use NAME`, `call NAME`, or a tool's exact name | a call of that tool; two names, two calls |
| `count to N` | N deltas |
| `overflow` | HTTP 200, no content, the context window exceeded |
| `think` | reasoning before the answer |
| `slowly` | a pause between frames |
| `finish sensitive`, `finish network_error` | an answer that ends for that reason |
| `cut` | the connection drops in the middle of the answer |
| `stall` | silence after the first delta |
| `silence` | silence after the headers |

Tool results are quoted and images described without any directive, and no tool is called then. The
last six change whatever else is answered: "think, then count to 5 and stall".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final, cast

from proxy import models
from proxy.simulator.errors import is_known
from proxy.simulator.samples import arguments_for
from proxy.simulator.turn import (
    Answer,
    Failure,
    Part,
    Prompt,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    first_pieces,
    tokens_in,
    tokens_of,
    words,
)

_ERROR: Final = re.compile(r"\b(json )?error (\d{3,4})\b( in 200\b)?", re.IGNORECASE)
_COUNT: Final = re.compile(r"\bcount to (\d{1,6})\b", re.IGNORECASE)
_OVERFLOW: Final = re.compile(r"\boverflow\b", re.IGNORECASE)
_THINK: Final = re.compile(r"\bthink\b", re.IGNORECASE)
_QUOTE_LIMIT: Final = 2000


@dataclass(frozen=True, slots=True)
class _Manner:
    """A change to an answer, whatever it says."""

    pattern: re.Pattern[str]
    change: Callable[[Answer, re.Match[str]], Answer]


def obey(prompt: Prompt) -> Answer | Failure:
    """What this prompt gets."""
    if failure := _failure(prompt.text):
        return failure
    answer = _content(prompt)
    if _thinks(prompt) and answer.parts:
        answer = replace(answer, parts=(_reasoning(prompt), *answer.parts))
    if prompt.max_tokens is not None:
        answer = _within(answer, prompt.max_tokens)
    for manner in _MANNERS:
        if match := manner.pattern.search(prompt.text):
            answer = manner.change(answer, match)
    return answer


def _failure(text: str) -> Failure | None:
    match = _ERROR.search(text)
    if not match or not is_known(match[2]):
        return None
    if match[1]:
        return Failure(match[2], "json")
    return Failure(match[2], "event" if match[3] else "status")


def _content(prompt: Prompt) -> Answer:
    if prompt.results or prompt.pictures or prompt.unseen:
        return _text(_what_came(prompt))
    if calls := _calls(prompt):
        return Answer(calls, stop="tool")
    if match := _COUNT.search(prompt.text):
        numbers = (f" {number}" for number in range(2, int(match[1]) + 1))
        return Answer((Text(("1", *numbers)),))
    if _OVERFLOW.search(prompt.text):
        return Answer((), stop="model_context_window_exceeded")
    return _text(
        f"Hello! This is {prompt.model}, answering through the {prompt.endpoint} endpoint of the "
        "z.ai simulator. Ask me to think, to use a tool, to count to 20, or for error 1302."
    )


def _text(text: str) -> Answer:
    return Answer((Text(words(text)),))


def _what_came(prompt: Prompt) -> str:
    """The results and images of the final turn, told back."""
    told = [f"The tool answered: {result[:_QUOTE_LIMIT]}" for result in prompt.results]
    told += [f"{prompt.model} sees {picture}." for picture in prompt.pictures]
    if prompt.unseen:
        told.append(f"{prompt.model} saw no image on the {prompt.endpoint} endpoint.")
    return "\n".join(told)


def _calls(prompt: Prompt) -> tuple[ToolCall, ...]:
    """The tools that the text names, in its order; one of them at least if one must be called."""
    places = {tool.name: _place(tool.name, prompt.text) for tool in prompt.tools}
    named = sorted((t for t in prompt.tools if places[t.name] >= 0), key=lambda t: places[t.name])
    chosen: list[Tool] | tuple[Tool, ...] = named
    if not named and prompt.must_call:
        chosen = prompt.tools[:1]
    return tuple(ToolCall(tool.name, arguments_for(tool.schema)) for tool in chosen)


def _place(name: str, text: str) -> int:
    """Where the text names this tool, or -1. After "use" or "call", case does not matter."""
    exact = re.escape(name)
    pattern = rf"(?<![\w-])(?:{exact}|(?i:(?<=use ){exact}|(?<=call ){exact}))(?![\w-])"
    match = re.search(pattern, text)
    return match.start() if match else -1


def _thinks(prompt: Prompt) -> bool:
    if models.describe(prompt.model, 0).always_thinks or prompt.thinking:
        return True
    return prompt.thinking is None and bool(_THINK.search(prompt.text))


def _reasoning(prompt: Prompt) -> Thinking:
    asked = len(prompt.text.split())
    return Thinking(words(f"The user wrote {asked} words. One short answer is enough."))


def _within(answer: Answer, max_tokens: int) -> Answer:
    """The answer up to `max_tokens`: at least a word; a call that does not fit is not made."""
    kept: list[Part] = []
    left = max_tokens
    for part in answer.parts:
        left -= tokens_of(part)
        if left < 0:
            if not isinstance(part, ToolCall):
                kept.append(first_pieces(part, _fitting(part.pieces, left + tokens_of(part))))
            return replace(answer, parts=tuple(kept), stop="length")
        kept.append(part)
    return answer


def _fitting(pieces: tuple[str, ...], budget: int) -> int:
    """How many of the first pieces cost no more than `budget` tokens together."""
    return sum(spent <= budget for spent in accumulate(map(tokens_in, pieces)))


def _slowly(answer: Answer, _match: re.Match[str]) -> Answer:
    return replace(answer, paced=True)


def _finish(answer: Answer, match: re.Match[str]) -> Answer:
    return replace(answer, stop=cast("Stop", match[1].lower()))


def _cut(answer: Answer, _match: re.Match[str]) -> Answer:
    """The first half of the last part, so that it ends in the middle of a text."""
    if not answer.parts:
        return replace(answer, ending="cut")
    *whole, last = answer.parts
    return replace(answer, parts=(*whole, first_pieces(last, len(last.pieces) // 2)), ending="cut")


def _stall(answer: Answer, _match: re.Match[str]) -> Answer:
    begun = tuple(first_pieces(part, 1) for part in answer.parts[:1])
    return replace(answer, parts=begun, ending="stall")


def _silence(answer: Answer, _match: re.Match[str]) -> Answer:
    return replace(answer, ending="silence")


_MANNERS: Final = tuple(
    _Manner(re.compile(pattern, re.IGNORECASE), change)
    for pattern, change in (
        (r"\bslowly\b", _slowly),
        (r"\bfinish (sensitive|network_error)\b", _finish),
        (r"\bcut\b", _cut),
        (r"\bstall\b", _stall),
        (r"\bsilence\b", _silence),
    )
)
