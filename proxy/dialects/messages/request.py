"""A Messages request as typed values. Unknown fields and block types are let through.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from typing import Any, Final, TypeAlias

from msgspec import Struct

from proxy.dialects.validation import check
from proxy.errors import invalid

Json: TypeAlias = dict[str, Any]


class Turn(Struct):
    """One message of the conversation; a content that is one text may be its literal."""

    role: str
    content: str | list[Json]


class Metadata(Struct):
    """Who asks."""

    user_id: str | None = None


class Thinking(Struct):
    """How to think; `budget_tokens` is in tokens, `clear_thinking` is z.ai's own (zai.md 2.1)."""

    type: str
    budget_tokens: int | None = None
    clear_thinking: bool | None = None


class ToolChoice(Struct):
    """Whether and which tool to call."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class OutputConfig(Struct):
    """The newer way to say how hard to think, and which form the answer takes."""

    effort: str | None = None
    format: Json | None = None


class Tool(Struct):
    """A tool of the client (it has a schema) or of the server (its `type` names it)."""

    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: Json | None = None
    strict: bool | None = None
    cache_control: Json | None = None


class MessagesRequest(Struct):
    """The fields that are read; `tools` and blocks are checked one by one."""

    messages: list[Turn]
    model: str | None = None
    max_tokens: int | None = None
    system: str | list[Json] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    metadata: Metadata | None = None


class Source(Struct):
    """Where an image or a document is: inline (`base64`, `text`, `content`) or at a URL."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    content: str | list[Json] | None = None


class TextBlock(Struct):
    text: str
    cache_control: Json | None = None


class ImageBlock(Struct):
    source: Source


class DocumentBlock(Struct):
    source: Source
    title: str | None = None
    context: str | None = None


class ToolUseBlock(Struct):
    id: str
    name: str
    input: Json


class ToolResultBlock(Struct):
    tool_use_id: str
    content: str | list[Json] | None = None
    is_error: bool | None = None


class ThinkingBlock(Struct):
    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Struct):
    data: str


class ImageUrl(Struct):
    url: str


class ForeignImageBlock(Struct):
    """An image in the shape of the OpenAI dialects, which some clients mix in."""

    image_url: ImageUrl | str


class OtherBlock(Struct):
    """A block whose type nothing here knows; `raw` is all of it."""

    type: str
    raw: Json


Block: TypeAlias = (
    TextBlock
    | ImageBlock
    | DocumentBlock
    | ToolUseBlock
    | ToolResultBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ForeignImageBlock
    | OtherBlock
)

BLOCKS: Final[dict[str, type[Block]]] = {
    "text": TextBlock,
    "image": ImageBlock,
    "document": DocumentBlock,
    "tool_use": ToolUseBlock,
    "tool_result": ToolResultBlock,
    "thinking": ThinkingBlock,
    "redacted_thinking": RedactedThinkingBlock,
    "image_url": ForeignImageBlock,
    "input_image": ForeignImageBlock,
}


FIELDS: Final = frozenset(MessagesRequest.__struct_fields__)
CLIENT_TOOLS: Final = (None, "custom")
"""The `type` of tools that the client itself runs."""

_PLAIN_TEXT: Final = frozenset({"type", "text"})
_INSIDE: Final = {"tool_result": "content", "document": "source.content"}
_ROLES: Final = ("user", "assistant", "system")


def read_block(block: Json, at: str = "") -> Block:
    """The typed block. Raises GatewayError (400) naming the field below `at`."""
    kind = block.get("type")
    if not isinstance(kind, str):
        raise invalid(f"{at}.type: expected `str`", f"{at}.type")
    known = BLOCKS.get(kind)
    if known is None:
        return OtherBlock(kind, block)
    return check(block, known, at)


def read(body: Json) -> MessagesRequest:
    """The typed request. Raises GatewayError (400) for the first field that is wrong."""
    request = check(body, MessagesRequest)
    _check_contents(request)
    check_tools(request)
    return request


def check_tools(request: MessagesRequest) -> None:
    """The client's own tools have names. Raises GatewayError (400)."""
    for index, tool in enumerate(request.tools or ()):
        if not tool.name and tool.type in CLIENT_TOOLS:
            raise invalid(f"tools[{index}].name: expected a name", f"tools[{index}].name")


def has_images(request: MessagesRequest) -> bool:
    """Whether any block, however nested and in whatever dialect's shape, is an image."""
    contents = [request.system, *(turn.content for turn in request.messages)]
    return any(_shows(content) for content in contents if isinstance(content, list))


def _shows(content: list[Json]) -> bool:
    """Whether an image is among blocks that were checked."""
    for block in content:
        if block["type"] == "text":
            continue
        if BLOCKS.get(block["type"]) in (ImageBlock, ForeignImageBlock):
            return True
        if any(map(_shows, _nested(block))):
            return True
    return False


def as_read(body: Json, request: MessagesRequest) -> Json:
    """`body` with its messages as `request` has them: roles and contents."""
    turns = [{"role": turn.role, "content": turn.content} for turn in request.messages]
    return {**body, "messages": turns}


def _nested(block: Json) -> list[list[Json]]:
    """The blocks within a block: those of a result, or of a document."""
    if block["type"] == "tool_result":
        inner = block.get("content")
    elif block["type"] == "document":
        inner = block["source"].get("content")
    else:
        inner = None
    return [inner] if isinstance(inner, list) else []


def _check_contents(request: MessagesRequest) -> None:
    """Every role and block of the request, nested ones too. Raises GatewayError (400)."""
    if not request.messages:
        raise invalid("messages: at least one message is required", "messages")
    for index, turn in enumerate(request.messages):
        if turn.role not in _ROLES:
            at = f"messages[{index}].role"
            raise invalid(f"{at}: expected one of {', '.join(_ROLES)}", at)
    try:
        if isinstance(request.system, list):
            _check(request.system, "system")
        for index, turn in enumerate(request.messages):
            if isinstance(turn.content, list):
                _check(turn.content, f"messages[{index}].content")
    except RecursionError:
        raise invalid("messages: nested too deeply", "messages") from None


def _check(content: list[Json], at: str) -> None:
    for index, block in enumerate(content):
        if block.keys() == _PLAIN_TEXT and block["type"] == "text" and type(block["text"]) is str:
            continue  # most blocks by far: nothing to find in them
        where = f"{at}[{index}]"
        read_block(block, where)
        for nested in _nested(block):
            _check(nested, f"{where}.{_INSIDE[block['type']]}")


def schemas(request: MessagesRequest) -> Json:
    """Tool name -> the schema of its arguments, for the client's own tools."""
    tools = request.tools or ()
    return {tool.name: tool.input_schema for tool in tools if tool.name and tool.input_schema}
