"""A Chat Completions request as typed values. Unknown fields and part types are let through.

Source: https://platform.openai.com/docs/api-reference/chat/create; z.ai's own fields: zai.md 2.1.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from msgspec import Struct

from proxy.dialects.validation import check
from proxy.errors import invalid

Json: TypeAlias = dict[str, Any]


class Function(Struct):
    """A tool's definition."""

    name: str
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class Tool(Struct):
    """Only `function` tools are the client's own."""

    type: str = "function"
    function: Function | None = None
    cache_control: Json | None = None


class CalledFunction(Struct):
    """What was called; `arguments` should be JSON in a string."""

    name: str
    arguments: str | Json | None = None


class ToolCall(Struct):
    """A call in the history."""

    id: str | None = None
    type: str | None = None
    function: CalledFunction | None = None


class Message(Struct):
    """One message of the conversation; a content that is one text may be its literal."""

    role: str
    content: str | list[Json] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    function_call: CalledFunction | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    refusal: str | None = None


class StreamOptions(Struct):
    """Whether usage comes in a chunk of its own."""

    include_usage: bool | None = None


class Thinking(Struct):
    """z.ai's own switch."""

    type: str | None = None
    budget_tokens: int | None = None
    clear_thinking: bool | None = None


class ChatRequest(Struct):
    """The fields that are read; content parts are checked one by one."""

    messages: list[Message]
    model: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Json | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Function] | None = None
    function_call: str | Json | None = None
    response_format: Json | None = None
    reasoning_effort: str | None = None
    thinking: Thinking | None = None
    user: str | None = None
    user_id: str | None = None


class TextPart(Struct):
    text: str


class ImageUrl(Struct):
    url: str
    detail: str | None = None


class ImagePart(Struct):
    image_url: ImageUrl | str


class RefusalPart(Struct):
    refusal: str


class Source(Struct):
    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class ForeignImagePart(Struct):
    """An image in the shape of the Messages dialect, which some clients mix in."""

    source: Source


class File(Struct):
    filename: str | None = None
    file_data: str | None = None
    file_id: str | None = None


class FilePart(Struct):
    file: File


class OtherPart(Struct):
    """A part whose type nothing here knows, or that no GLM endpoint takes."""

    type: str


Part: TypeAlias = TextPart | ImagePart | RefusalPart | ForeignImagePart | FilePart | OtherPart

PARTS: Final[dict[str, type[Part]]] = {
    "text": TextPart,
    "input_text": TextPart,
    "output_text": TextPart,
    "image_url": ImagePart,
    "input_image": ImagePart,
    "image": ForeignImagePart,
    "refusal": RefusalPart,
    "file": FilePart,
}


FIELDS: Final = frozenset(ChatRequest.__struct_fields__)
ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")


def read_part(part: Json, at: str = "") -> Part:
    """The typed part. Raises GatewayError (400) naming the field below `at`."""
    kind = part.get("type")
    if not isinstance(kind, str):
        raise invalid(f"{at}.type: expected `str`", f"{at}.type")
    known = PARTS.get(kind)
    return check(part, known, at) if known else OtherPart(kind)


def read(body: Json) -> ChatRequest:
    """The typed request. Raises GatewayError (400) for the first field that is wrong."""
    request = check(body, ChatRequest)
    _check_contents(request)
    check_tools(request)
    return request


def check_tools(request: ChatRequest) -> None:
    """Tools that are functions have one. Raises GatewayError (400)."""
    for index, tool in enumerate(request.tools or ()):
        if tool.type == "function" and tool.function is None:
            at = f"tools[{index}].function"
            raise invalid(f"{at}: expected an object with a `name`", at)


def _check_contents(request: ChatRequest) -> None:
    """Every role and part of the request. Raises GatewayError (400)."""
    if not request.messages:
        raise invalid("messages: at least one message is required", "messages")
    for index, message in enumerate(request.messages):
        if message.role not in ROLES:
            at = f"messages[{index}].role"
            raise invalid(f"{at}: expected one of {', '.join(ROLES)}", at)
    for _ in parts(request):
        pass


def parts(request: ChatRequest) -> Iterator[Part]:
    """Every content part of the request, checked as they come."""
    for index, message in enumerate(request.messages):
        if isinstance(message.content, list):
            for position, part in enumerate(message.content):
                yield read_part(part, f"messages[{index}].content[{position}]")


def has_images(request: ChatRequest) -> bool:
    """Whether any part of any message, in whatever dialect's shape, is an image."""
    return any(isinstance(part, ImagePart | ForeignImagePart) for part in parts(request))


def schemas(request: ChatRequest) -> Json:
    """Function name -> the schema of its arguments."""
    functions = [tool.function for tool in request.tools or ()]
    functions += request.functions or ()
    return {each.name: each.parameters for each in functions if each and each.parameters}
