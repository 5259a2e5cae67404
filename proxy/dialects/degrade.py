"""Second tries: a request that z.ai refused, without the part it probably refused (zai.md 3).

z.ai says 1210, "invalid parameter", and rarely which. Two parts are known to be taken by some
models and refused by others: a `tool_choice` other than auto, and images as data URLs.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from proxy.dialects.zai import copied_if_changed
from proxy.errors import DialectName

Json = dict[str, Any]
Degrade = Callable[[Json], Json | None]
"""The request without a part; None if it has no such part."""


def _must_call(name: object) -> str:
    """The line that stands in for a forced tool choice."""
    if isinstance(name, str):
        return f"Call the tool `{name}` now; do not answer without calling it."
    return "Call one of the tools now; do not answer without calling one."


def _without_tools(body: Json) -> Json:
    """`none`: where the choice is refused, tools that are not there cannot be called."""
    return {k: v for k, v in body.items() if k not in ("tools", "tool_choice", "tool_stream")}


def messages_tool_choice(body: Json) -> Json | None:
    """A Messages request with `tool_choice` auto, and the wish in the system prompt."""
    choice = body.get("tool_choice")
    if not isinstance(choice, dict) or choice.get("type") in (None, "auto"):
        return None
    if choice["type"] == "none":
        return _without_tools(body)
    system = body.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    line = {"type": "text", "text": _must_call(choice.get("name"))}
    return {**body, "tool_choice": {"type": "auto"}, "system": [*blocks, line]}


def chat_tool_choice(body: Json) -> Json | None:
    """A Chat request with `tool_choice` auto, and the wish in a system message."""
    choice = body.get("tool_choice")
    if choice in (None, "auto"):
        return None
    if choice == "none":
        return _without_tools(body)
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    line = {"role": "system", "content": _must_call(name)}
    return {**body, "tool_choice": "auto", "messages": [line, *body["messages"]]}


def chat_data_urls(body: Json) -> Json | None:
    """A Chat request with its data URLs as raw base64 (zai.md 2.1: some models take only that)."""
    messages = copied_if_changed(body["messages"], _with_raw_images)
    return None if messages is body["messages"] else {**body, "messages": messages}


def _with_raw_images(message: Json) -> Json:
    content = message.get("content")
    if not isinstance(content, list):
        return message
    parts = copied_if_changed(content, _raw_image)
    return message if parts is content else {**message, "content": parts}


def _raw_image(part: Json) -> Json:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url.startswith("data:"):
        return part
    _, _, data = url.partition(",")
    rest = image if isinstance(image, dict) else {}
    return {**part, "image_url": {**rest, "url": data}}


DEGRADES: Final[Mapping[DialectName, Mapping[str, Degrade]]] = {
    "messages": {"tool_choice": messages_tool_choice},
    "chat": {"data_url": chat_data_urls, "tool_choice": chat_tool_choice},
}
"""Endpoint dialect -> what may be left out, most likely culprit first."""
