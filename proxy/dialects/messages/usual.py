"""Messages requests like most (see `proxy.dialects.usual`): no system turn, no empty text, no image
or other block that not every model takes, no member that is not documented."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from proxy import literals
from proxy.dialects.messages.request import (
    MessagesRequest,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
    Turn,
    check_tools,
)
from proxy.dialects.usual import Message, reader


# JSON has no cycles, so the collector need not go through the structures of a long history.
class _Text(TextBlock, tag_field="type", tag="text", gc=False):
    text: Annotated[str, Meta(min_length=1)]


class _Thinking(ThinkingBlock, tag_field="type", tag="thinking", gc=False):
    pass


class _ToolUse(ToolUseBlock, tag_field="type", tag="tool_use", gc=False):
    pass


class _ToolResult(Struct, tag_field="type", tag="tool_result", gc=False):
    tool_use_id: str
    content: "str | list[_Block] | None" = None
    is_error: bool | None = None


_Block: TypeAlias = _Text | _Thinking | _ToolUse | _ToolResult
_Blocks: TypeAlias = Annotated[list[_Block], Meta(min_length=1)]


class UsualRequest(MessagesRequest):
    """A request like most; a content that is one text is its literal."""

    system: str | list[_Block] | None = None  # type: ignore[assignment]  # narrower


_ALSO_KNOWN: Final = (
    *("cache_control", "container", "context_management", "inference_geo", "mcp_servers"),
    *("service_tier", "speed"),
)
"""Members that clients send and nothing here reads."""

_role: Final = msgspec.json.Decoder(Literal["user", "assistant"]).decode


def _turn(told: Message) -> Turn:
    """The typed turn. Raises ValueError for what is not usual."""
    role = _role(told.get("role", literals.NULL))
    return Turn(role, _content(told.get("content", literals.NULL)))


def _content(literal: Raw) -> Any:
    """The literal of a text, or blocks. Raises ValueError for what is not usual."""
    if literals.is_text(literal) and literal != literals.EMPTY:
        return literal
    blocks = msgspec.json.decode(literal)
    msgspec.convert(blocks, _Blocks)
    return blocks


read_usual: Final = reader(UsualRequest, _ALSO_KNOWN, _turn, check_tools)
