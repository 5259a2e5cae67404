"""The parameters of a Chat request as those of a Messages request, beside the conversation."""

from collections.abc import Mapping
from typing import Any, Final

from proxy.dialects import thinking
from proxy.dialects.changes import Changes
from proxy.dialects.chat.request import FIELDS, ChatRequest, Function, Json, Thinking
from proxy.dialects.chat.to_messages.conversation import conversation
from proxy.dialects.zai import json_instruction
from proxy.models import DEFAULT_MAX_TOKENS

_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "none": "none", "required": "any"}
_EMPTY_SCHEMA: Final[Json] = {"type": "object", "properties": {}}


def to_messages_request(request: ChatRequest, body: Json, changes: Changes) -> Json:
    """The Messages request (without `model` and `stream`) that says what the Chat request says.

    `body` is the request as it came, for the names of fields that nothing here knows.
    """
    told = conversation(request, changes)
    limit = request.max_completion_tokens or request.max_tokens
    if limit is not None:
        told["max_tokens"] = limit
    if request.max_completion_tokens is not None:
        changes.add("max_completion_tokens", "sent as max_tokens")
    _sampling(request, told)
    choice = request.tool_choice or request.function_call
    if choice is not None or request.tools or request.functions:
        _tools(request, told, changes)
    if request.thinking or request.reasoning_effort:
        _thinking(request, told, changes)
    if request.response_format:
        _response_format(request.response_format, told, changes)
    user = request.user or request.user_id
    if user:
        told["metadata"] = {"user_id": user}
    for name, value in body.items():
        if value is not None and name not in FIELDS:
            changes.dropped(name)
    return told


def _sampling(request: ChatRequest, told: Json) -> None:
    if request.temperature is not None:
        told["temperature"] = request.temperature
    if request.top_p is not None:
        told["top_p"] = request.top_p
    if request.top_k is not None:
        told["top_k"] = request.top_k
    if request.stop:
        stop = [request.stop] if isinstance(request.stop, str) else request.stop
        sequences = [sequence for sequence in stop if sequence]
        if sequences:
            told["stop_sequences"] = sequences


def _tools(request: ChatRequest, told: Json, changes: Changes) -> None:
    """Functions as tools; which may be called, and whether several at once."""
    tools = [_tool(function, None) for function in request.functions or ()]
    for tool in request.tools or ():
        if tool.type == "function" and tool.function:
            tools.append(_tool(tool.function, tool.cache_control))
        else:
            changes.dropped(f"tools.{tool.type}", "this endpoint has no such tool")
    choice, allowed = _choice(request.tool_choice or request.function_call, changes)
    if allowed is not None:
        tools = [tool for tool in tools if tool["name"] in allowed]
        changes.add("tools", "only the allowed ones")
    if not tools:
        if choice:
            changes.dropped("tool_choice", "no tools")
        return
    told["tools"] = tools
    if request.parallel_tool_calls is False:
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    if choice:
        told["tool_choice"] = choice


def _tool(function: Function, cache_control: Json | None) -> Json:
    tool: Json = {"name": function.name}
    if function.description is not None:
        tool["description"] = function.description
    schema = function.parameters or _EMPTY_SCHEMA
    tool["input_schema"] = schema if "type" in schema else {"type": "object", **schema}
    if function.strict is not None:
        tool["strict"] = function.strict
    if cache_control:
        tool["cache_control"] = cache_control
    return tool


def _choice(choice: str | Json | None, changes: Changes) -> tuple[Json | None, set[str] | None]:
    """The tool choice, and the names it narrows the tools to (None: all)."""
    match choice:
        case None:
            return None, None
        case str() if choice in _CHOICES:
            return {"type": _CHOICES[choice]}, None
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return {"type": "tool", "name": name}, None
        case {"type": "allowed_tools", "allowed_tools": {"tools": list(tools), **allowed}}:
            names = {_name(tool) for tool in tools}
            return {"type": _CHOICES.get(str(allowed.get("mode")), "auto")}, names
    changes.dropped("tool_choice", "unknown form")
    return None, None


def _name(tool: Any) -> str:
    """The name in an entry of `allowed_tools`."""
    match tool:
        case {"function": {"name": str(name)}} | {"name": str(name)}:
            return name
    return ""


def _thinking(request: ChatRequest, told: Json, changes: Changes) -> None:
    """z.ai's own `thinking` switch first, else `reasoning_effort`; silence leaves the default."""
    asked, effort = request.thinking or Thinking(), request.reasoning_effort
    if asked.type == "disabled" or (asked.type is None and effort in thinking.OFF):
        told["thinking"] = {"type": "disabled"}
    elif asked.type or effort:
        budget = asked.budget_tokens
        if budget is None:
            limit = told.get("max_tokens", DEFAULT_MAX_TOKENS)
            budget = thinking.budget_for(effort or "medium", limit)
        if budget is None:
            changes.dropped("reasoning_effort", "max_tokens leaves no room to think")
        else:
            told["thinking"] = {"type": "enabled", "budget_tokens": budget}
            if asked.clear_thinking is not None:
                told["thinking"]["clear_thinking"] = asked.clear_thinking
    if effort and (asked.type == "disabled" or asked.budget_tokens is not None):
        changes.dropped("reasoning_effort", "thinking says it")


def _response_format(form: Json, told: Json, changes: Changes) -> None:
    """JSON mode as a system instruction: the endpoint has no such parameter."""
    kind = form.get("type")
    if kind not in ("json_object", "json_schema"):
        return
    text = json_instruction(form.get("json_schema"))
    told["system"] = [*told.get("system", []), {"type": "text", "text": text}]
    changes.add("response_format", "asked for in the system prompt")
