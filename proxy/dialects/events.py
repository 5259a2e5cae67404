"""The inner language of replies: Anthropic Messages stream events, as they stand on the wire.

Text is kept as `msgspec.Raw`, the JSON string literal as it arrived: it is copied from one dialect
to the other without being unescaped and escaped again, and a surrogate pair that was cut between
two deltas survives. A literal of up to two bytes is an empty text.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from typing import Any, TypeAlias

from msgspec import Raw, Struct, field


class TextDelta(Struct, tag="text_delta", gc=False):
    """A piece of the answer; `text` is a JSON string literal."""

    text: Raw


class ThinkingDelta(Struct, tag="thinking_delta", gc=False):
    """A piece of reasoning; `thinking` is a JSON string literal."""

    thinking: Raw


class InputJsonDelta(Struct, tag="input_json_delta", gc=False):
    """A piece of a tool call's arguments; `partial_json` is a JSON string literal."""

    partial_json: Raw


class SignatureDelta(Struct, tag="signature_delta", gc=False):
    """The signature of a thinking block, a JSON string literal."""

    signature: Raw


Delta: TypeAlias = TextDelta | ThinkingDelta | InputJsonDelta | SignatureDelta


class Block(Struct):
    """The head of a content block; `text`, `thinking` and `input` may already hold something."""

    type: str
    id: str | None = None
    name: str | None = None
    text: Raw = Raw()
    thinking: Raw = Raw()
    input: Raw = Raw()


class MessageHead(Struct):
    """What `message_start` tells of the reply; `usage` is raw."""

    id: str = ""
    usage: dict[str, Any] | None = None


class Stop(Struct):
    """Why the reply ended."""

    stop_reason: str | None = None
    stop_sequence: str | None = None


class MessageStart(Struct, tag="message_start"):
    """The reply begins."""

    message: MessageHead = field(default_factory=MessageHead)


class BlockStart(Struct, tag="content_block_start"):
    """Block `index` opens."""

    index: int
    content_block: Block


class BlockDelta(Struct, tag="content_block_delta", gc=False):
    """A piece of block `index`."""

    index: int
    delta: Delta


class BlockStop(Struct, tag="content_block_stop", gc=False):
    """Block `index` is complete."""

    index: int


class MessageDelta(Struct, tag="message_delta"):
    """The reply's end: why it stopped, and the final usage, raw."""

    delta: Stop = field(default_factory=Stop)
    usage: dict[str, Any] | None = None


class MessageStop(Struct, tag="message_stop"):
    """Nothing follows."""


class Ping(Struct, tag="ping", gc=False):
    """A sign of life."""


Event: TypeAlias = MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop
