"""Chat requests like most (see `proxy.dialects.usual`): no empty part, none that is no text, no
assistant who says nothing, no member that is not documented."""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw

from proxy import literals
from proxy.dialects import usual
from proxy.dialects.chat.request import (
    ChatRequest,
    Message,
    TextPart,
    check_tools,
)


# JSON has no cycles, so the collector need not go through the structures of a long history.
class _Message(Message, gc=False):
    role: Literal["system", "user", "assistant", "tool"]
    name: None = None
    refusal: None = None


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


def _message(told: usual.Message) -> Message:
    """The typed message. Raises ValueError for what is not usual."""
    rest = {name: msgspec.json.decode(told[name]) for name in told if name != "content"}
    message = msgspec.convert(rest, _Message)
    message.content = _content(told.get("content", literals.NULL))
    says = message.tool_calls or message.function_call or message.reasoning_content
    if message.role == "assistant" and not (says or message.content):
        raise ValueError("an assistant message with nothing in it")
    return message


def _content(literal: Raw) -> Any:
    """The literal of a text, parts, or nothing. Raises ValueError for what is not usual."""
    if literals.is_text(literal):
        return "" if literal == literals.EMPTY else literal
    parts = msgspec.json.decode(literal)
    msgspec.convert(parts, _Parts)
    return parts


read_usual: Final = usual.reader(UsualRequest, _ALSO_KNOWN, _message, check_tools)
