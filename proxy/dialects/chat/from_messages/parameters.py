"""The parameters of a Messages request as those of a Chat request for z.ai (zai.md 2.1)."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from proxy.dialects import thinking
from proxy.dialects.changes import Changes
from proxy.dialects.chat.from_messages.conversation import conversation
from proxy.dialects.messages.request import CLIENT_TOOLS, FIELDS, Json, MessagesRequest, Tool

_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "none": "none", "any": "required"}
_MOST_STOPS: Final = 4
_USER_ID: Final = (6, 128)


def from_messages_request(request: MessagesRequest, body: Json, changes: Changes) -> Json:
    """The Chat request (without `model` and `stream`) that says what the Messages request says.

    `body` is the request as it came: its system prompt, and fields that nothing here knows.
    """
    told: Json = {"messages": conversation(body.get("system"), request.messages, changes)}
    _sampling(request, told, changes)
    if request.tools or request.tool_choice:
        _tools(request, told, changes)
    if request.thinking or request.output_config:
        _thinking(request, told, changes)
    if request.metadata and request.metadata.user_id:
        _user(request.metadata.user_id, told, changes)
    if request.output_config and request.output_config.format:
        _response_format(request.output_config.format, told)
    if _has_cache_control(request, body):
        changes.dropped("cache_control", "the OpenAI endpoint caches by itself")
    for name, value in body.items():
        if value is not None and name not in FIELDS and name != "cache_control":
            changes.dropped(name)
    return told


def _sampling(request: MessagesRequest, told: Json, changes: Changes) -> None:
    if request.max_tokens is not None:
        told["max_tokens"] = request.max_tokens
    if request.temperature is not None:
        told["temperature"] = request.temperature
    if request.top_p is not None:
        told["top_p"] = request.top_p
    if request.top_k is not None:
        changes.dropped("top_k", "the OpenAI endpoint has none")
    if request.stop_sequences:
        stops = [stop for stop in request.stop_sequences if stop]
        if len(stops) > _MOST_STOPS:
            changes.add("stop_sequences", f"only the first {_MOST_STOPS}")
        if stops:
            told["stop"] = stops[:_MOST_STOPS]


def _tools(request: MessagesRequest, told: Json, changes: Changes) -> None:
    tools: list[Json] = []
    for tool in request.tools or ():
        if tool.input_schema is None and tool.type not in CLIENT_TOOLS:
            kind = tool.name or tool.type
            changes.dropped(f"tools.{kind}", "a server tool of the Anthropic side")
        else:
            tools.append({"type": "function", "function": _function(tool)})
    choice = request.tool_choice
    if not tools:
        if choice and choice.type != "none":
            changes.dropped("tool_choice", "no tools")
        return
    told["tools"] = tools
    if choice is None:
        return
    names = [tool["function"]["name"] for tool in tools]
    if choice.type == "tool" and choice.name in names:
        told["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice.type in _CHOICES:
        told["tool_choice"] = _CHOICES[choice.type]
    else:
        changes.dropped("tool_choice", "unknown form or tool")
    if choice.disable_parallel_tool_use is not None:
        told["parallel_tool_calls"] = not choice.disable_parallel_tool_use


def _function(tool: Tool) -> Json:
    function: Json = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.input_schema or {"type": "object", "properties": {}}
    if tool.strict is not None:
        function["strict"] = tool.strict
    return function


def _thinking(request: MessagesRequest, told: Json, changes: Changes) -> None:
    """Budget and effort; which efforts the model knows is the endpoint's affair (`fit`)."""
    asked = request.thinking
    effort = request.output_config.effort if request.output_config else None
    if asked and asked.type == "disabled":
        told["thinking"] = {"type": "disabled"}
        if effort:
            changes.dropped("output_config.effort", "thinking is disabled")
        return
    if asked:
        told["thinking"] = {"type": "enabled"}
        if asked.clear_thinking is not None:
            told["thinking"]["clear_thinking"] = asked.clear_thinking
        if asked.budget_tokens is not None:
            effort = effort or thinking.effort_for(asked.budget_tokens)
    if effort:
        told["reasoning_effort"] = effort


def _user(user: str, told: Json, changes: Changes) -> None:
    """z.ai takes a `user_id` of 6 to 128 characters; others become a digest, stable per user."""
    shortest, longest = _USER_ID
    if not shortest <= len(user) <= longest:
        user = hashlib.sha256(user.encode("utf-8", "replace")).hexdigest()
        changes.add("metadata.user_id", "replaced by a digest")
    told["user_id"] = user


def _response_format(form: Json, told: Json) -> None:
    """A schema goes as Chat says it; what the endpoint makes of it is its affair (`fit`)."""
    schema = {"name": "answer", "schema": form.get("schema")}
    told["response_format"] = {"type": "json_schema", "json_schema": schema}


def _has_cache_control(request: MessagesRequest, body: Json) -> bool:
    """Whether the client marked anything for caching: the request, a block or a tool."""
    return (
        "cache_control" in body
        or any(tool.cache_control for tool in request.tools or ())
        or _marked([body.get("system"), *[turn.content for turn in request.messages]])
    )


def _marked(contents: list[Any]) -> bool:
    """Whether a block, or one within a tool result, carries a mark."""
    for content in contents:
        for block in content if isinstance(content, list) else ():
            if "cache_control" in block or ("content" in block and _marked([block["content"]])):
                return True
    return False
