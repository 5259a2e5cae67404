"""What z.ai refuses before it answers: one check a rule, in the order in which it was seen to look.

A check looks at a request body and returns the failure, a ready reply where the refusal does not
come from z.ai's own code, or None. The first ones make sure of the shape, so that the later ones
and the readers need not ask again. Rules: zai.md 1.1 and 2.1.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from proxy import models
from proxy.simulator.errors import unprocessable
from proxy.simulator.pictures import UnreadableImageError, look_at
from proxy.simulator.reading import Body, blocks, chat_images, image_blocks, nested
from proxy.simulator.script import Reply
from proxy.simulator.turn import Failure

Refusal = Failure | Reply | None
Check = Callable[[Body], Refusal]

_BAD_IMAGE: Final = Failure("1210", message="图片输入格式/解析错误")
_TEXT_ONLY: Final = Failure("1210", message="messages.content.type 参数非法，取值范围 ['text']")
_INLINE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_CHAT_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
_RANGES: Final = {"temperature": (0, 1), "top_p": (0.01, 1)}
_LENGTHS: Final = {"request_id": (6, 64), "user_id": (6, 128)}
_MOST_TOOLS: Final = 128
_TOKENIZER_MARKS: Final = ("\\p{", "\\P{")


def known_model(prefixes: tuple[str, ...]) -> Check:
    """1211 unless the name begins with a prefix and carries no client-side marker."""

    def check(body: Body) -> Refusal:
        name = body.get("model")
        if not isinstance(name, str) or not name.lower().startswith(prefixes):
            return Failure("1211")
        marked = "[1m]" in name or name.lower().endswith(models.ROUTE_SUFFIXES)
        return Failure("1211") if marked else None

    return check


def well_formed_messages(body: Body) -> Refusal:
    """1214 unless `messages` is a list of messages with content."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return Failure("1214")
    return None if all(map(_is_message, messages)) else Failure("1214")


def _is_message(message: object) -> bool:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        return False
    return _is_content(message.get("content"))


def _is_content(content: object) -> bool:
    if isinstance(content, list):
        return all(map(_is_block, content))
    return content is None or isinstance(content, str)


def _is_block(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    match block.get("type"):
        case "text":
            return isinstance(block.get("text"), str)
        case "tool_result":
            return _is_content(block.get("content"))
    return True


def well_formed_tools(body: Body) -> Refusal:
    """1210 unless `tools` is a list of at most 128 objects."""
    tools = body.get("tools") or []
    right = isinstance(tools, list) and len(tools) <= _MOST_TOOLS and all(map(_is_tool, tools))
    return None if right else Failure("1210")


def _is_tool(tool: object) -> bool:
    """An object, as are its function and the function's parameters if it has them."""
    if not isinstance(tool, dict):
        return False
    function = tool.get("function", {})
    return isinstance(function, dict) and isinstance(function.get("parameters") or {}, dict)


def no_unicode_classes(body: Body) -> Refusal:
    r"""1210 for `\p{..}` in any `pattern` of a tool's schema: it kills the whole request."""
    return Failure("1210") if any(map(_has_class, _patterns(body.get("tools")))) else None


def _has_class(pattern: str) -> bool:
    return any(mark in pattern for mark in _TOKENIZER_MARKS)


def _patterns(schemas: object) -> Iterator[str]:
    for value in nested(schemas):
        if isinstance(value, dict) and isinstance(pattern := value.get("pattern"), str):
            yield pattern


def max_tokens_given(body: Body) -> Refusal:
    """1210 without `max_tokens`, which the Messages dialect requires."""
    return (
        None
        if body.get("max_tokens") is not None
        else Failure("1210", message="max_tokens参数不能为空")
    )


def max_tokens_in_range(body: Body) -> Refusal:
    """1210 above the model's cap, and below 1."""
    asked = body.get("max_tokens")
    if asked is None:
        return None
    cap = models.describe(body["model"], 0).max_output
    if isinstance(asked, int) and not isinstance(asked, bool) and 1 <= asked <= cap:
        return None
    return Failure("1210", message=f"max_tokens参数非法：限制数值范围[1,{cap}]")


def sampling_in_range(body: Body) -> Refusal:
    """1210 for a temperature outside 0..1 or a top_p outside 0.01..1."""
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int | float) or not low <= value <= high:
            return Failure("1210", message=f"{name}参数非法：限制数值范围[{low},{high}]")
    return None


def identifiers_in_length(body: Body) -> Refusal:
    """1210 for a `user_id` or `request_id` of a wrong length."""
    for name, (shortest, longest) in _LENGTHS.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            return Failure("1210", message=f"{name}参数非法：限制长度范围[{shortest},{longest}]")
    return None


def thinking_possible(body: Body) -> Refusal:
    """1210 for switching thinking off, or an unknown effort, on a model that always thinks."""
    thinking, effort = body.get("thinking"), body.get("reasoning_effort")
    if thinking is not None and not isinstance(thinking, dict):
        return Failure("1210")
    model = models.describe(body["model"], 0)
    if not model.always_thinks:
        return None
    off = thinking is not None and thinking.get("type") == "disabled"
    return Failure("1210") if off or (effort is not None and effort not in model.efforts) else None


def only_users_and_assistants(body: Body) -> Refusal:
    """422 from the validating layer for any other role in a Messages request."""
    expected = "'user' or 'assistant'"
    detail = [
        {
            "type": "literal_error",
            "loc": ["body", "messages", index, "role"],
            "msg": f"Input should be {expected}",
            "input": message["role"],
            "ctx": {"expected": expected},
        }
        for index, message in enumerate(body["messages"])
        if message["role"] not in ("user", "assistant")
    ]
    return unprocessable(detail) if detail else None


def inline_images(body: Body) -> Refusal:
    """1210 for image URLs and unusual formats, where the model sees images on the Messages side.

    A text model's images are not looked at: they are dropped.
    """
    if not models.describe(body["model"], 0).vision:
        return None
    sources = [block.get("source") for block in image_blocks(body["messages"])]
    return None if all(map(_is_inline, sources)) else _BAD_IMAGE


def _is_inline(source: Any) -> bool:
    if not isinstance(source, dict) or source.get("type") != "base64":
        return False
    try:
        return look_at(str(source.get("data"))).media_type in _INLINE_TYPES
    except UnreadableImageError:
        return False


def chat_roles(body: Body) -> Refusal:
    """1214 for a role that the Chat side does not know (`developer`), or only system messages."""
    roles = {message["role"] for message in body["messages"]}
    return Failure("1214") if roles - _CHAT_ROLES or roles == {"system"} else None


def assistants_say_something(body: Body) -> Refusal:
    """1214 for an assistant message without content and tool calls."""
    for message in body["messages"]:
        silent = not message.get("content") and not message.get("tool_calls")
        if message["role"] == "assistant" and silent:
            return Failure("1214")
    return None


def no_empty_text_parts(body: Body) -> Refusal:
    """1214 for an empty text part, naming its place."""
    for index, message in enumerate(body["messages"]):
        for place, part in enumerate(blocks(message.get("content"))):
            if isinstance(message["content"], list) and part.get("text") == "":
                return Failure("1214", message=f"messages[{index}].content[{place}].text:不能为空")
    return None


def images_where_seen(body: Body) -> Refusal:
    """1210 for an image to a text model on the Chat side, and for one that cannot be read."""
    sources = chat_images(body["messages"])
    if sources and not models.describe(body["model"], 0).vision:
        return _TEXT_ONLY
    try:
        for source in sources:
            look_at(source)
    except UnreadableImageError:
        return _BAD_IMAGE
    return None
