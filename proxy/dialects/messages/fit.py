"""A Messages request made fit for z.ai's Anthropic endpoint (zai.md 1.1, 3).

It runs on relayed and on translated requests alike, changes only what is known to be refused, and
names each change. The result shares everything unchanged with the request as it came.
"""

from proxy.dialects import thinking, zai
from proxy.dialects.changes import Changes
from proxy.dialects.messages.pairing import system_turn
from proxy.dialects.messages.request import Json
from proxy.models import DEFAULT_MAX_TOKENS, Model


def fit(body: Json, model: Model, changes: Changes, *, usual: bool) -> Json:
    """`body` as the endpoint takes it for `model`; `usual` contents need no mending."""
    body = {name: value for name, value in body.items() if value is not None}
    if not body.get("max_tokens"):
        body["max_tokens"] = min(model.max_output, DEFAULT_MAX_TOKENS)
        changes.add("max_tokens", f"set to {body['max_tokens']}")
    zai.clamp(body, model, changes)
    if "thinking" in body:
        _fit_thinking(body, model, changes)
    if "tools" in body:
        body["tools"] = zai.portable(body["tools"], changes)
    if not usual:
        body["messages"] = _fit_messages(body["messages"], changes)
        if isinstance(body.get("system"), list):
            body["system"] = _without_empty_texts(body["system"], changes)
    return body


def _fit_thinking(body: Json, model: Model, changes: Changes) -> None:
    asked = body["thinking"]
    budget = asked.get("budget_tokens")
    if asked.get("type") == "disabled" and model.always_thinks:
        changes.add("thinking", "cannot be disabled: effort low")
        del body["thinking"]
        body["output_config"] = {**(body.get("output_config") or {}), "effort": "low"}
    elif isinstance(budget, int):
        fitting = thinking.fitting(budget, body["max_tokens"])
        if fitting is None:
            changes.dropped("thinking", "max_tokens leaves no room to think")
            del body["thinking"]
        elif fitting != budget:
            changes.add("thinking.budget_tokens", f"{budget} -> {fitting}")
            body["thinking"] = {**asked, "budget_tokens": fitting}


def _fit_messages(messages: list[Json], changes: Changes) -> list[Json]:
    """No `system` turns (422), no empty texts beside other content, no empty turns."""
    fitted: list[Json] = []
    moved: list[Json] = []
    for message in messages:
        if message["role"] == "system":
            moved.append(system_turn(message["content"], changes))
            continue
        content = message["content"]
        if isinstance(content, list):
            content = _without_empty_texts(content, changes)
        if moved:
            content, moved = _joined(fitted, moved, message["role"], content), []
        if not content and fitted:
            changes.dropped("messages", "a turn with nothing in it")
            continue
        same = content is message["content"]
        fitted.append(message if same else {**message, "content": content})
    if moved:
        fitted.append({"role": "user", "content": moved})
    return fitted


def _joined(
    fitted: list[Json], moved: list[Json], role: str, content: str | list[Json]
) -> str | list[Json]:
    """The next turn's content with `moved` in it, behind tool results, if it is a user turn."""
    if role != "user":
        fitted.append({"role": "user", "content": moved})
        return content
    if isinstance(content, str):
        return [*moved, {"type": "text", "text": content}] if content else moved
    results = [block for block in content if block.get("type") == "tool_result"]
    rest = [block for block in content if block.get("type") != "tool_result"]
    return [*results, *moved, *rest]


def _without_empty_texts(content: list[Json], changes: Changes) -> list[Json]:
    kept = [block for block in content if not _is_empty_text(block)]
    if len(kept) == len(content):
        return content
    changes.dropped("content.text", "empty")
    return kept


def _is_empty_text(block: Json) -> bool:
    return block.get("type") == "text" and not block.get("text")
