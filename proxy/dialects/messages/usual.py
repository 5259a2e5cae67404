"""Messages requests like most, whose contents stay literals: see `proxy.literals`.

Usual is what holds no image and needs nothing mended: no system turn, no empty text, no block that
is not known, no member that is not documented. Any other request is read the general way, which
says more about it.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from proxy import literals
from proxy.dialects.messages.request import (
    Json,
    MessagesRequest,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
    Turn,
    check_tools,
)
from proxy.dialects.validation import as_a


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

_Envelope: Final = literals.envelope(MessagesRequest, list[_Turn], _ALSO_KNOWN)
_decode: Final = msgspec.json.Decoder(_Envelope).decode


def read_usual(raw: bytes) -> tuple[Json, UsualRequest] | None:
    """The members of the request in `raw`, its `messages` as they came, and the typed request;
    None if it is not usual. Raises GatewayError (400) for a tool without a name."""
    try:
        body = literals.members(_decode(raw))
        turns = list(map(_read, body["messages"]))
    except (ValueError, RecursionError):
        return None
    request = as_a({**body, "messages": []}, UsualRequest)
    if request is None or not turns:
        return None
    request.messages = turns
    check_tools(request)
    return body, request


def _read(turn: _Turn) -> Turn:
    """The turn; with its blocks, if it is not one text. Raises ValueError for what is not usual."""
    if literals.is_text(turn.content) and turn.content != literals.EMPTY:
        return turn
    blocks = msgspec.json.decode(turn.content)
    msgspec.convert(blocks, _Blocks)
    return Turn(turn.role, blocks)
