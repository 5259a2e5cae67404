"""A Chat request made fit for z.ai's OpenAI endpoint (zai.md 2.1, 3).

It runs on relayed and on translated requests alike, changes only what is known to be refused or
ignored, and names each change. The result shares everything unchanged with the request as it came.
"""

from typing import Any, Final

from proxy.dialects import zai
from proxy.dialects.changes import Changes
from proxy.dialects.chat.from_messages.conversation import IMAGE_FOLLOWS, image_label
from proxy.dialects.chat.request import Json
from proxy.models import Model

_MOST_STOPS: Final = 4
_IMAGES: Final = frozenset({"image", "image_url", "input_image"})
_TEXTS: Final = frozenset({"text", "input_text", "output_text", "refusal"})
_SAYING: Final = ("content", "tool_calls", "function_call", "reasoning_content")
"""What makes an assistant message more than nothing."""


def fit(body: Json, model: Model, changes: Changes, *, usual: bool) -> Json:
    """`body` as the endpoint takes it for `model`; `usual` contents need no mending."""
    body = {name: value for name, value in body.items() if value is not None}
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
        changes.add("max_completion_tokens", "sent as max_tokens")
    zai.clamp(body, model, changes)
    if "reasoning_effort" in body or "thinking" in body:
        _fit_effort(body, model, changes)
    if "response_format" in body:
        _fit_format(body, changes)
    if isinstance(body.get("stop"), list) and len(body["stop"]) > _MOST_STOPS:
        body["stop"] = body["stop"][:_MOST_STOPS]
        changes.add("stop", f"only the first {_MOST_STOPS}")
    if body.get("tools"):
        body["tools"] = zai.portable(body["tools"], changes)
        if model.streams_tools and "tool_stream" not in body:
            body["tool_stream"] = True
            changes.add("tool_stream", "set")
    if not usual:
        messages = _fit_messages(body["messages"], changes)
        body["messages"] = _with_user_turn(messages, changes)
    return body


def _fit_effort(body: Json, model: Model, changes: Changes) -> None:
    """z.ai's efforts differ by model; models that always think refuse to be told not to."""
    asked = body.pop("reasoning_effort", None)
    switch = body.get("thinking")
    off = isinstance(switch, dict) and switch.get("type") == "disabled"
    if off and model.always_thinks:
        changes.add("thinking", "cannot be disabled: effort low")
        body["thinking"] = {**body["thinking"], "type": "enabled"}
        asked = "low"
    if asked is None:
        return
    chosen = zai.effort(asked, model, changes)
    if chosen:
        body["reasoning_effort"] = chosen
    elif switch is None:
        body["thinking"] = {"type": "disabled" if asked in ("none", "minimal") else "enabled"}
        changes.add("reasoning_effort", f"sent as thinking {body['thinking']['type']}")
    else:
        changes.dropped("reasoning_effort", "thinking says it")


def _fit_format(body: Json, changes: Changes) -> None:
    """`json_schema` is not known: JSON mode, with the schema in the prompt."""
    form = body.get("response_format")
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        return
    body["response_format"] = {"type": "json_object"}
    changes.add("response_format", "json_schema sent as json_object, schema in the prompt")
    text = zai.json_instruction(form.get("json_schema"))
    body["messages"] = [{"role": "system", "content": text}, *body["messages"]]


def _fit_messages(messages: list[Json], changes: Changes) -> list[Json]:
    fitted: list[Json] = []
    hoisted: list[Json] = []
    for message in messages:
        if message["role"] not in ("tool", "function") and hoisted:
            fitted.append({"role": "user", "content": hoisted})
            hoisted = []
        kept = _fit_message(message, hoisted, changes)
        if kept:
            fitted.append(kept)
    if hoisted:
        fitted.append({"role": "user", "content": hoisted})
    return fitted


def _with_user_turn(messages: list[Json], changes: Changes) -> list[Json]:
    """System messages alone are refused."""
    alone = bool(messages) and messages[-1]["role"] == "system"
    if not alone or any(message["role"] != "system" for message in messages):
        return messages
    changes.add("messages", "no user turn: the last system text became one")
    return [*messages[:-1], {**messages[-1], "role": "user"}]


def _fit_message(message: Json, hoisted: list[Json], changes: Changes) -> Json | None:
    """One message; None where nothing is left of it. Images of tool messages go to `hoisted`."""
    if message["role"] == "developer":
        changes.add("messages.role", "developer sent as system")
        message = {**message, "role": "system"}
    if message.get("name") and message["role"] not in ("tool", "function"):
        changes.dropped("messages.name", "z.ai knows none")
        message = {key: value for key, value in message.items() if key != "name"}
    if message.get("refusal"):
        changes.add("messages.refusal", "sent as content")
        message = _with_refusal(message)
    content = message.get("content")
    if isinstance(content, list):
        message = _with_parts(message, content, hoisted, changes)
    if message["role"] == "assistant" and not any(message.get(key) for key in _SAYING):
        changes.dropped("messages", "an assistant turn with nothing in it")
        return None
    if message["role"] in ("user", "system") and content and not message["content"]:
        changes.dropped("messages", "a turn with nothing but empty texts")
        return None
    return message


def _with_refusal(message: Json) -> Json:
    rest = {key: value for key, value in message.items() if key != "refusal"}
    return {**rest, "content": rest.get("content") or message["refusal"]}


def _with_parts(message: Json, content: list[Json], hoisted: list[Json], changes: Changes) -> Json:
    """The message with its parts made fit, and with no images if a tool says it."""
    parts = _fit_parts(content, changes)
    images = [part for part in parts if part.get("type") == "image_url"]
    if message["role"] != "tool" or not images:
        return {**message, "content": parts or ""}
    changes.add("tool_result.image", "moved into a user message")
    hoisted += [image_label(str(message.get("tool_call_id"))), *images]
    texts = [str(part.get("text")) for part in parts if part.get("type") == "text"]
    return {**message, "content": "\n".join([*texts, IMAGE_FOLLOWS])}


def _fit_parts(content: list[Json], changes: Changes) -> list[Json]:
    """No empty texts (1214), images as `image_url`, texts as `text`."""
    kept = [_fit_part(part, changes) for part in content if not _is_empty_text(part)]
    if len(kept) < len(content):
        changes.dropped("content.text", "empty")
    return kept


def _fit_part(part: Json, changes: Changes) -> Json:
    kind = part.get("type")
    if kind in _IMAGES and not (kind == "image_url" and isinstance(part.get("image_url"), dict)):
        changes.add(f"content.{kind}", "sent as image_url")
        return {"type": "image_url", "image_url": {"url": _url(part)}}
    if kind in _TEXTS and kind != "text":
        changes.add(f"content.{kind}", "sent as text")
        return {"type": "text", "text": _text(part)}
    return part


def _text(part: Json) -> Any:
    return part.get("refusal" if part.get("type") == "refusal" else "text")


def _url(part: Json) -> Any:
    """The URL in an image part of any dialect's shape."""
    source = part.get("source")
    if isinstance(source, dict):
        media_type = source.get("media_type") or "image/png"
        return source.get("url") or f"data:{media_type};base64,{source.get('data') or ''}"
    image = part.get("image_url")
    return image.get("url") if isinstance(image, dict) else image


def _is_empty_text(part: Json) -> bool:
    return part.get("type") in _TEXTS and not _text(part)
