"""One turn, told without a dialect: what was asked (`Prompt`) and what is answered (`Answer`).

Each endpoint reads its request into a `Prompt` and writes an `Answer` back. The words of an answer
come in pieces; one piece is one delta of a stream.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from proxy.simulator.moments import Gate

EndpointName = Literal["anthropic", "openai"]
Stop = Literal[
    "end", "tool", "length", "model_context_window_exceeded", "sensitive", "network_error"
]
Ending = Literal["end", "cut", "stall", "silence"]
"""How the answer leaves: whole; dropped after the last piece; silent after it; silent at once."""

_WORD: Final = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `schema` is the JSON Schema of its arguments."""

    name: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as the model sees it: a URL nobody fetched, or media type and size in pixels."""

    url: str = ""
    media_type: str = ""
    width: int = 0
    height: int = 0

    @property
    def tokens(self) -> int:
        """Patches of 28 x 28 pixels, within the model's bounds, and two marks (zai.md 5)."""
        patches = round(self.width / 28) * round(self.height / 28)
        return min(max(patches, 8), 7500) + 2

    def __str__(self) -> str:
        if self.url:
            return f"an image by URL, {self.url}, which I do not fetch"
        return f"an image of type {self.media_type}, {self.width} x {self.height} pixels"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one request asks for.

    `text`, `results`, `pictures` and `unseen` (images that the endpoint dropped) belong to the
    final turn, all that follows the last assistant message. `tools` are those that the request's
    choice allows to call, `must_call` says that one of them has to be. `thinking` is None where
    the request says nothing. `tokens` counts the whole request, `turns` its assistant messages.
    `streams_arguments` asks for tool arguments in fragments.
    """

    endpoint: EndpointName
    model: str
    text: str
    results: tuple[str, ...]
    pictures: tuple[Picture, ...]
    unseen: int
    tools: tuple[Tool, ...]
    must_call: bool
    thinking: bool | None
    max_tokens: int | None
    tokens: int
    turns: int
    streams_arguments: bool = False


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning text."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Answer text."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call with its whole arguments."""

    name: str
    arguments: dict[str, Any]

    @property
    def pieces(self) -> tuple[str, ...]:
        """The arguments as JSON, in one piece."""
        return (json.dumps(self.arguments, ensure_ascii=False, separators=(",", ":")),)


Part = Thinking | Text | ToolCall


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `paced` answers pause between their deltas.

    Each of `gates` holds the answer after so many pieces, counted over all parts.
    """

    parts: tuple[Part, ...]
    stop: Stop = "end"
    ending: Ending = "end"
    paced: bool = False
    gates: tuple[tuple[int, Gate], ...] = ()

    @classmethod
    def of(
        cls,
        *told: str | ToolCall | Gate,
        thinking: str = "",
        stop: Stop | None = None,
        ending: Ending = "end",
    ) -> "Answer":
        """Reasoning, then texts and calls in their order, held where a gate stands among them.

        Texts that follow each other, with a gate between them or none, are one text. Without
        `stop` the answer stops for its calls, if it has any.
        """
        parts: list[Part] = [Thinking(words(thinking))] if thinking else []
        gates: list[tuple[int, Gate]] = []
        for each in told:
            match each:
                case Gate():
                    gates.append((sum(len(part.pieces) for part in parts), each))
                case ToolCall():
                    parts.append(each)
                case str():
                    begun = parts.pop().pieces if parts and isinstance(parts[-1], Text) else ()
                    parts.append(Text(begun + words(each)))
        calls = any(isinstance(part, ToolCall) for part in parts)
        return cls(tuple(parts), stop or ("tool" if calls else "end"), ending, gates=tuple(gates))

    def begun(self, pieces: int) -> "Answer":
        """The answer after so many pieces, its last part still open."""
        parts: list[Part] = []
        for part in self.parts:
            if pieces > 0:
                parts.append(first_pieces(part, pieces))
            pieces -= len(part.pieces)
        return replace(self, parts=tuple(parts), ending="cut")


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal by business code (`errors.py`).

    `costume` is how it is dressed: its own HTTP status, an error event in a stream with HTTP 200,
    or a JSON object with HTTP 200 (zai.md 1.3, 2.3). `message` replaces the code's own text.
    """

    code: str
    costume: Literal["status", "event", "json"] = "status"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one turn; `prompt` includes `cached`, `completion` includes `reasoning`."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0


def words(text: str) -> tuple[str, ...]:
    """The text in pieces of one word, which together are the text again."""
    return tuple(_WORD.findall(text))


def first_pieces(part: Part, count: int) -> Part:
    """At least one piece; a call is one piece."""
    if isinstance(part, ToolCall):
        return part
    return replace(part, pieces=part.pieces[: max(count, 1)])


def tokens_in(text: str) -> int:
    """About four characters a token; nothing is 0, anything at least 1."""
    return (len(text) + 3) // 4


def tokens_of(part: Part) -> int:
    """The tokens of a part are those of its pieces, so that a cut answer counts what it has."""
    return sum(map(tokens_in, part.pieces))


def usage_of(prompt: Prompt, answer: Answer) -> Usage:
    """The numbers for this turn: cached is three quarters of a prompt that was seen before.

    `completion` is reasoning + content + 2 (zai.md 2.2), or all that was allowed if that was too
    little; an overflow counts nothing (1.2).
    """
    if answer.stop == "model_context_window_exceeded":
        return Usage()
    reasoning = sum(tokens_of(part) for part in answer.parts if isinstance(part, Thinking))
    completion = sum(map(tokens_of, answer.parts)) + 2
    if answer.stop == "length" and prompt.max_tokens is not None:
        completion = prompt.max_tokens
    return Usage(
        prompt=prompt.tokens,
        cached=prompt.tokens * 3 // 4 if prompt.turns else 0,
        completion=completion,
        reasoning=min(reasoning, completion),
    )
