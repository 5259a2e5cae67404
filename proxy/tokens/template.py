"""GLM's chat template as token arithmetic: a Messages request becomes pieces to be counted.

Each function here appends the texts it meets to `pieces` and returns the tokens already known
(role markers, tags, images). Around every marker and tag GLM starts a new token, so the pieces add
up exactly; only where a request splits one message into several text blocks may the sum be a token
or so off per block. Counting blocks apart is what lets a long conversation be counted by its new
blocks alone.

Rules and numbers: zai.md 5 and the public chat templates of GLM-4.5, 4.7 and 5.2. Which fixed
overhead each model has was measured; see `LAYOUTS`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from msgspec import Raw

from proxy import literals
from proxy.literals import Text
from proxy.loose_json import mapping
from proxy.tokens.media import file_tokens, image_source_tokens

Piece = str | bytes | Raw
"""A text, or its literal; or compact JSON in place of the spaced JSON that is shown, which takes
ten times as long to write. As most was counted before, `shown` is asked for the rest only."""

MARKER: Final = 1
"""`<|user|>`, `<|assistant|>`, `<|system|>`, `<|observation|>`: one token each, as every tag."""

THOUGHT_TAGS: Final = 2
CALL_TAGS: Final = 2
ARGUMENT_TAGS: Final = 4
RESPONSE_TAGS: Final = 2

TOOLS_BLOCK: Final = 96
"""What a request with tools begins with: `<|system|>` and the text up to the first tool 37, the
text about the call format after the last one 59."""

_encode: Final = msgspec.json.Encoder().encode
_encode_spaced: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode

TOOL_FIELDS: Final = {
    "name": "name",
    "description": "description",
    "input_schema": "parameters",
    "strict": "strict",
}
"""What the template shows of a tool, under the names that it has there."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one generation of GLM lays out a conversation; every number is in tokens.

    prefix: `[gMASK]<sop>`.
    effort: `<|system|>Reasoning Effort: Max`, if thinking is on.
    no_thought: `</think>` or `<think></think>`: stands in an assistant turn without thinking and,
        if thinking is off, at the end of the prompt.
    thought: `<think>`, at the end of the prompt if thinking is on.
    line: the line break that older templates put around tags; within a token a message, as it
        may merge with the text before it.
    nothink: `/nothink`, which older templates add to each user turn if thinking is off.
    tool: `{"type": "function", "function": …}`, which older templates show around each tool.
    """

    prefix: int = 2
    effort: int = 0
    no_thought: int = 1
    thought: int = 1
    line: int = 0
    nothink: int = 0
    tool: int = 0
    always_thinks: bool = False


# One user message costs so many tokens more than its text, thinking on / off. The numbers were
# measured (zai.md 5); the public templates say which parts they are made of.
_USUAL: Final = Layout()  #                                                         5 / 5
_OLD: Final = Layout(no_thought=2, thought=0, line=1, nothink=1, tool=9)  #         5 / 9
_OLD_VISION: Final = replace(_OLD, prefix=3)  #                                     6 / 10
_FIVE: Final = Layout(no_thought=2)  #                                              5 / 6
_EFFORT: Final = replace(_FIVE, effort=7)  #                                       12 / 6
_ALWAYS_THINKS: Final = replace(_EFFORT, always_thinks=True)  #                    12 / 12

LAYOUTS: Final[dict[str, Layout]] = {
    "glm-4.5-air": _OLD,
    "glm-4.5-airx": _OLD,
    "glm-4.5-flash": _OLD,
    "glm-4.6v": _OLD_VISION,
    "glm-4.6v-flash": _OLD_VISION,
    "glm-4.6v-flashx": _OLD_VISION,
    "glm-5": _FIVE,
    "glm-5.2": _EFFORT,
    "glm-5.3": _ALWAYS_THINKS,
    "glm-5.3-flash": _ALWAYS_THINKS,
    "glm-5.3-flashx": _ALWAYS_THINKS,
}
"""The models whose prompts are not laid out as those of 4.5, 4.6, 4.7, 5.1 and the turbos."""


def render(request: Mapping[str, Any], model: str, pieces: list[Piece]) -> int:
    """The prompt that `model` is given for a Messages request: its known tokens, and its texts.

    `model` is the upstream's name. Values of an unexpected shape count as their JSON.
    """
    layout = LAYOUTS.get(model.lower(), _USUAL)
    thinking = mapping(request.get("thinking"))
    thinks = layout.always_thinks or thinking.get("type") != "disabled"
    keeps_all = thinking.get("clear_thinking") is False
    turns = _turns(request)
    users = [at for at, (role, _) in enumerate(turns) if role == "user"]
    last_user = users[-1] if users else -1

    tokens = layout.prefix + (layout.effort if thinks else 0)
    tokens += _tools(request.get("tools"), layout, pieces)
    before = ""
    for at, (role, blocks) in enumerate(turns):
        if role == "tool":
            tokens += 0 if before == "tool" else MARKER
            tokens += _responses(blocks, layout, pieces)
        elif role == "assistant":
            tokens += MARKER + layout.line
            tokens += _answer(blocks, layout, pieces, keeps_thinking=keeps_all or at > last_user)
        else:
            tokens += MARKER + layout.line + _content(blocks, pieces)
            tokens += layout.nothink if role == "user" and not thinks else 0
        before = role
    return tokens + MARKER + (layout.thought if thinks else layout.line + layout.no_thought)


def shown(piece: Piece) -> str:
    """The text of a piece, as the template shows it to the model."""
    if isinstance(piece, Text):
        return literals.read(piece)
    return _json(json.loads(piece)) + ("\n" if piece.endswith(b"\n") else "")


def _turns(request: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Roles and blocks of the messages as the template sees them: results are turns of their own,
    of a role `tool`."""
    turns: list[tuple[str, list[Any]]] = []
    if system := _list(request.get("system")):
        turns.append(("system", system))
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else ():
        fields = mapping(message)
        role, content = fields.get("role"), fields.get("content")
        blocks = _list(content)
        if role in ("assistant", "system"):
            turns.append((role, blocks))
        else:
            turns += _user(blocks)
    return turns


def _user(blocks: list[Any]) -> list[tuple[str, list[Any]]]:
    results = [block for block in blocks if _kind(block) == "tool_result"]
    others = [block for block in blocks if _kind(block) != "tool_result"]
    told = [("tool", results)] if results else []
    return [*told, ("user", others)] if others or not results else told


def _tools(tools: object, layout: Layout, pieces: list[Piece]) -> int:
    if not isinstance(tools, list) or not tools:
        return 0
    for tool in tools:
        function = _compact(_function(tool))
        pieces.append(function + "\n" if isinstance(function, str) else function + b"\n")
    return TOOLS_BLOCK + len(tools) * layout.tool


def _function(tool: object) -> object:
    """The function object that the template shows the model; a server tool as it is."""
    fields = mapping(tool)
    if "input_schema" not in fields:
        return tool
    return {shown: fields[name] for name, shown in TOOL_FIELDS.items() if name in fields}


def _answer(blocks: list[Any], layout: Layout, pieces: list[Piece], *, keeps_thinking: bool) -> int:
    """An assistant turn. Old thinking is left out of the prompt (zai.md 5), and redacted thinking
    always: its data is a cipher for the one who issued it, not text that GLM is shown."""
    tokens = layout.no_thought
    if keeps_thinking:
        thoughts = [_text(block, "thinking") for block in blocks if _kind(block) == "thinking"]
        if any(thoughts):
            tokens = THOUGHT_TAGS
            pieces += [thought.strip() for thought in thoughts]
    for block in blocks:
        match _kind(block):
            case "text":
                tokens += layout.line
                pieces.append(_text(block, "text").strip())
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                tokens += _call(block, layout, pieces)
            case "thinking" | "redacted_thinking":
                continue
            case _:
                tokens += _leaf(block, pieces)
    return tokens


def _call(block: dict[str, Any], layout: Layout, pieces: list[Piece]) -> int:
    arguments = block.get("input")
    tokens = CALL_TAGS + 2 * layout.line
    pieces.append(_text(block, "name"))
    if not isinstance(arguments, dict):
        pieces.append(_json(arguments))
        return tokens
    for key, value in arguments.items():
        pieces.append(str(key))
        pieces.append(value if isinstance(value, str) else _compact(value))
    return tokens + len(arguments) * (ARGUMENT_TAGS + 2 * layout.line)


def _responses(results: list[Any], layout: Layout, pieces: list[Piece]) -> int:
    tokens = len(results) * (RESPONSE_TAGS + 3 * layout.line)
    for result in results:
        tokens += _content(_list(result.get("content")), pieces)
    return tokens


def _content(blocks: list[Any], pieces: list[Piece]) -> int:
    tokens = 0
    for block in blocks:
        if _kind(block) == "document":
            tokens += _document(block, pieces)
        else:
            tokens += _leaf(block, pieces)
    return tokens


def _document(block: dict[str, Any], pieces: list[Piece]) -> int:
    source = mapping(block.get("source"))
    pieces += [block[name] for name in ("title", "context") if isinstance(block.get(name), str)]
    if source.get("type") == "text":
        pieces.append(_text(source, "data"))
        return 0
    if source.get("type") == "content":
        return sum(_leaf(inner, pieces) for inner in _list(source.get("content")))
    return file_tokens(source)


def _leaf(block: object, pieces: list[Piece]) -> int:
    """A block that holds no others: text, an image, or anything unknown as JSON."""
    fields = mapping(block)
    kind = fields.get("type")
    if kind == "text":
        pieces.append(_text(fields, "text"))
    elif kind == "image":
        return image_source_tokens(mapping(fields.get("source")))
    else:
        pieces.append(block if isinstance(block, Text) else _json(block))
    return 0


def _kind(block: object) -> object:
    return block.get("type") if isinstance(block, dict) else None


def _list(content: object) -> list[Any]:
    """Content as a list of blocks; a text is one block."""
    if isinstance(content, list):
        return content
    return [] if content is None or content == "" else [content]


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    return value if isinstance(value, str) else _json(value)


def _compact(value: object) -> Piece:
    """The piece for a JSON value."""
    try:
        return _encode(value)
    except (UnicodeEncodeError, RecursionError):
        return _json(value)


def _json(value: object) -> str:
    """JSON as the template's `tojson(ensure_ascii=False)` writes it: spaced, Unicode unescaped.

    An escape (`\\u4f60`) would cost about six tokens for a character that costs one or less.
    """
    try:
        return _encode_spaced(value)
    except RecursionError:
        return ""
