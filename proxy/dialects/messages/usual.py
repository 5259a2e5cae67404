"""Messages requests like most (see `proxy.dialects.usual`): no system turn, no empty text, no image
or other block that not every model takes, no member that is not documented."""

from typing import Annotated, Final, Literal, TypeAlias

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
from proxy.dialects.usual import reader


# JSON has no cycles, so the collector need not go through the structures of a long history.
class _Turn(Turn, forbid_unknown_fields=True, gc=False):
    role: Literal["user", "assistant"]
    content: Raw  # type: ignore[assignment]  # to be read


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


def _turn(turn: _Turn) -> Turn:
    """The turn; with its blocks, if it is not one text. Raises ValueError for what is not usual."""
    if literals.is_text(turn.content) and turn.content != literals.EMPTY:
        return turn
    blocks = msgspec.json.decode(turn.content)
    msgspec.convert(blocks, _Blocks)
    return Turn(turn.role, blocks)


read_usual: Final = reader(UsualRequest, _Turn, _ALSO_KNOWN, _turn, check_tools)
