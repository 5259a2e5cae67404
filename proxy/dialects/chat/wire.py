"""Chat Completions stream chunks as typed values: what the reader needs of them, leniently.

z.ai sends nulls where others leave a key out and leaves out what others send (zai.md 2.2), so
everything may be missing or null. Texts stay JSON literals (`Raw`).
"""

from typing import Any

from msgspec import Raw, Struct


class FunctionDelta(Struct, gc=False):
    """A piece of a call; `arguments` should be a string literal, but has been seen as an object."""

    name: str | None = None
    arguments: Raw = Raw()


class CallDelta(Struct, gc=False):
    """A piece of the tool call at `index`."""

    index: int | None = None
    id: str | None = None
    function: FunctionDelta | None = None


class Delta(Struct, gc=False):
    """What a chunk adds to the message."""

    content: Raw = Raw()
    reasoning_content: Raw = Raw()
    reasoning: Raw = Raw()
    refusal: Raw = Raw()
    tool_calls: list[CallDelta] | None = None


class Choice(Struct, gc=False):
    """One of the alternatives; z.ai sends only the first."""

    index: int | None = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class Chunk(Struct, gc=False):
    """One frame of a Chat stream; with an `error` it is one, whatever else it says."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None
