"""What both endpoints' readers share: walking a request body that has passed the checks."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from proxy.simulator.turn import Picture, Tool, tokens_in

Body = dict[str, Any]

_HARNESS: Final = re.compile(r"<(system-reminder|environment_details)>.*?</\1>", re.DOTALL)
"""What coding agents add to the user's words; it must not be taken for a directive."""
_HEARD: Final = 4000
"""Characters in which directives are looked for: a prompt of megabytes must not cost seconds."""
_BLOBS: Final = frozenset({"image_url", "source"})
_NO_THINKING: Final = ("none", "minimal")


def blocks(content: object) -> list[Body]:
    """Message content as blocks, also where it is a string or null."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else []


def final_turn(messages: list[Body]) -> list[Body]:
    """The messages after the last one of the assistant."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index]["role"] == "assistant":
            return messages[index + 1 :]
    return messages


def assistant_turns(messages: list[Body]) -> int:
    """How often the assistant has spoken."""
    return sum(message["role"] == "assistant" for message in messages)


def text_in(content: object) -> str:
    """The text blocks of a content, a line each."""
    return "\n".join(block["text"] for block in blocks(content) if block.get("type") == "text")


def users_words(texts: Iterable[str]) -> str:
    """The end of what the user typed, without what the coding agent put around it."""
    return _HARNESS.sub("", "\n".join(texts)).strip()[-_HEARD:]


def thinking_wanted(body: Body) -> bool | None:
    """What the request says of thinking; None where it says nothing."""
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and "type" in thinking:
        return bool(thinking["type"] != "disabled")
    effort = body.get("reasoning_effort")
    return effort not in _NO_THINKING if effort else None


def allowed_tools(tools: list[Tool], choice: str) -> tuple[tuple[Tool, ...], bool]:
    """The tools that may be called, and whether one must be.

    `choice` is "auto", "none", "any", or the name of a tool after a colon.
    """
    if choice.startswith(":"):
        return tuple(tool for tool in tools if tool.name == choice[1:]), True
    return (() if choice == "none" else tuple(tools)), choice == "any"


def tokens_in_request(body: Body, pictures: Iterable[Picture] = ()) -> int:
    """All text that the model reads, tool schemas included, and the pictures it sees."""
    read = (body.get("system"), body["messages"], body.get("tools"))
    text = sum(tokens_in(string) for string in _strings(read))
    return text + sum(picture.tokens for picture in pictures)


def _strings(value: object) -> Iterator[str]:
    """Every string in a JSON value, image data left out; keys count as they are read, too."""
    for each in nested(value, without=_BLOBS):
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from each.keys() - _BLOBS


def nested(value: object, without: Collection[str] = ()) -> Iterator[object]:
    """A JSON value and all in it, but what has a name of `without`; in no order.

    It may be nested deeper than Python calls functions.
    """
    left = [value]
    while left:
        yield (each := left.pop())
        if isinstance(each, dict):
            left += [item for key, item in each.items() if key not in without]
        elif isinstance(each, list | tuple):
            left += each


def image_blocks(messages: list[Body]) -> list[Body]:
    """The images of a Messages conversation, also those inside tool results."""
    found: list[Body] = []
    for message in messages:
        for block in blocks(message.get("content")):
            inner = blocks(block.get("content")) if block.get("type") == "tool_result" else [block]
            found += [item for item in inner if item.get("type") == "image"]
    return found


def chat_images(messages: list[Body]) -> list[str]:
    """The image sources of a Chat conversation: URL, data URL or raw base64."""
    return [
        _source(part)
        for message in messages
        for part in blocks(message.get("content"))
        if part.get("type") == "image_url"
    ]


def _source(part: Body) -> str:
    image = part.get("image_url")
    return str(image.get("url")) if isinstance(image, dict) else ""
