"""Chat requests like most (see `proxy.dialects.usual`): no empty part, none that is no text, no
assistant who says nothing, no member that is not documented."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from proxy import literals
from proxy.dialects.chat.request import (
    ChatRequest,
    Message,
    TextPart,
    ToolCall,
    check_tools,
)
from proxy.dialects.usual import reader


# JSON has no cycles, so the collector need not go through the structures of a long history.
class _Message(Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant", "tool"]
    content: Raw | UnsetType = UNSET
    tool_calls: Raw | UnsetType = UNSET
    tool_call_id: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType | None = UNSET
    # Clients that send back what a library gave them send the nulls in it too.
    name: UnsetType | None = UNSET
    refusal: UnsetType | None = UNSET
    function_call: UnsetType | None = UNSET
    audio: UnsetType | None = UNSET


class _Text(TextPart, kw_only=True, gc=False):
    type: Literal["text"]
    text: Annotated[str, Meta(min_length=1)]
    cache_control: Any = None


class UsualRequest(ChatRequest):
    """A request like most; a content that is one text is its literal."""


_ALSO_KNOWN: Final = (
    *("do_sample", "frequency_penalty", "logit_bias", "logprobs", "metadata", "modalities", "n"),
    *("prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_retention"),
    *("request_id", "safety_identifier", "seed", "service_tier", "store", "tool_stream"),
    *("top_logprobs", "verbosity", "web_search_options"),
)
"""Members that clients send and nothing here reads."""

_Parts: TypeAlias = Annotated[list[_Text], Meta(min_length=1)] | None
_calls: Final = msgspec.json.Decoder(list[ToolCall] | None).decode


def _message(told: _Message) -> Message:
    """The typed message. Raises ValueError for what is not usual."""
    message = Message(told.role)
    if told.content is not UNSET:
        message.content = _content(told.content)
    if told.tool_calls is not UNSET:
        message.tool_calls = _calls(told.tool_calls)
    message.tool_call_id = told.tool_call_id or None
    message.reasoning_content = told.reasoning_content or None
    says = message.content or message.tool_calls or message.reasoning_content
    if message.role == "assistant" and not says:
        raise ValueError("an assistant message with nothing in it")
    return message


def _content(literal: Raw) -> Any:
    """The literal of a text, parts, or nothing. Raises ValueError for what is not usual."""
    if literals.is_text(literal):
        return "" if literal == literals.EMPTY else literal
    parts = msgspec.json.decode(literal)
    msgspec.convert(parts, _Parts)
    return parts


read_usual: Final = reader(UsualRequest, _Message, _ALSO_KNOWN, _message, check_tools)
