"""The conversation of a Messages request as that of a Chat request.

Tool results become `tool` messages right behind their call; images in them cannot stay there, so
they are hoisted into a user message after the run of results (zai.md 2.1: with a text, because an
empty one is refused). Reasoning goes back as `reasoning_content`.
"""

import re
from typing import Final

import msgspec

from proxy.dialects.changes import Changes
from proxy.dialects.messages.pairing import pair, system_turn, text_of
from proxy.dialects.messages.request import (
    DocumentBlock,
    ForeignImageBlock,
    ImageBlock,
    ImageUrl,
    Json,
    OtherBlock,
    Source,
    Turn,
    read_block,
)
from proxy.literals import Text, joined

_encode: Final = msgspec.json.Encoder().encode

BILLING_LINE: Final = re.compile(r"x-anthropic-billing-header:[^\n]*\n?", re.IGNORECASE)
"""Claude Code's first system block: it changes with each request and would spoil prompt caches."""

IMAGE_FOLLOWS: Final = "[The image follows in the next user message.]"


def image_label(call_id: str) -> Json:
    """The text before images that were hoisted out of the result of `call_id`."""
    return {"type": "text", "text": f"Image from tool call {call_id}:"}


def conversation(
    system: str | list[Json] | None, turns: list[Turn], changes: Changes
) -> list[Json]:
    """The Chat messages that say what the system prompt and the turns of Messages say."""
    messages: list[Json] = []
    system = system_text(system, changes)
    if system:
        messages.append({"role": "system", "content": system})
    for turn in pair(_turns(turns, changes), changes):
        messages += (
            _assistant(turn, changes) if turn["role"] == "assistant" else _user(turn, changes)
        )
    return messages


def system_text(system: str | list[Json] | None, changes: Changes) -> str:
    """The system prompt as one text, without the billing line."""
    text = text_of(system)
    if text[:13].lower() != "x-anthropic-b":
        return text
    kept = BILLING_LINE.sub("", text, count=1)
    if kept != text:
        changes.dropped("system.billing_line")
    return kept


def _turns(told: list[Turn], changes: Changes) -> list[Json]:
    """The turns with block lists as contents, neighbours of one role merged, roles two."""
    turns: list[Json] = []
    for turn in told:
        is_system = turn.role == "system"
        blocks = [system_turn(turn.content, changes)] if is_system else _blocks(turn.content)
        role = "assistant" if turn.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(content: Text | list[Json]) -> list[Json]:
    """Content of either shape as a list of our own."""
    return [{"type": "text", "text": content}] if isinstance(content, Text) else [*content]


def _assistant(turn: Json, changes: Changes) -> list[Json]:
    texts: list[Text] = []
    reasoning: list[str] = []
    calls: list[Json] = []
    for block in turn["content"]:
        match block["type"]:
            case "text":
                texts.append(block["text"])
            case "thinking":
                reasoning.append(block["thinking"])
            case "tool_use":
                encoded = _encode(block["input"]).decode()
                function = {"name": block["name"], "arguments": encoded}
                calls.append({"id": block["id"], "type": "function", "function": function})
            case "redacted_thinking":
                changes.dropped("redacted_thinking", "no such thing in Chat")
            case _:
                texts.append(_explained(read_block(block), block, changes))
    message: Json = {"role": "assistant", "content": joined(texts)}
    thought = "".join(reasoning)
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    if not (calls or message["content"] or thought):
        changes.dropped("messages", "an assistant turn with nothing in it")
        return []
    return [message]


def _user(turn: Json, changes: Changes) -> list[Json]:
    """Results as `tool` messages, then everything else as one user message."""
    results: list[Json] = []
    hoisted: list[Json] = []
    rest: list[Json] = []
    for block in turn["content"]:
        if block["type"] == "tool_result":
            results.append(_result(block, hoisted, changes))
        else:
            rest += _parts(block, changes)
    if hoisted:
        changes.add("tool_result.image", "moved into a user message")
    parts = hoisted + rest
    if not parts:
        if not results:
            changes.dropped("messages", "a turn with nothing but empty texts")
        return results
    texts = [part["text"] for part in parts if part["type"] == "text"]
    content = joined(texts, "\n") if len(texts) == len(parts) else parts
    return [*results, {"role": "user", "content": content}]


def _result(result: Json, hoisted: list[Json], changes: Changes) -> Json:
    text = result.get("content") or ""
    if not isinstance(text, str):
        parts = [part for block in text for part in _parts(block, changes)]
        texts = [part["text"] for part in parts if part["type"] == "text"]
        images = [part for part in parts if part["type"] != "text"]
        if images:
            texts.append(IMAGE_FOLLOWS)
            hoisted += [image_label(result["tool_use_id"]), *images]
        text = "\n".join(texts)
    if result.get("is_error"):
        text = f"[error] {text}"
    return {"role": "tool", "tool_call_id": result["tool_use_id"], "content": text}


def _parts(raw: Json, changes: Changes) -> list[Json]:
    """A user block as content parts; empty texts say nothing and are left out."""
    if raw["type"] == "text":
        return [{"type": "text", "text": raw["text"]}] if raw["text"] else []
    block = read_block(raw)
    match block:
        case ImageBlock(source=source) if source.url or source.data:
            return [{"type": "image_url", "image_url": {"url": _url(source)}}]
        case ForeignImageBlock(image_url=image):
            url = image.url if isinstance(image, ImageUrl) else image
            return [{"type": "image_url", "image_url": {"url": url}}]
        case DocumentBlock(source=Source(content=list(nested))):
            return [part for each in nested for part in _parts(each, changes)]
    return [{"type": "text", "text": _explained(block, raw, changes)}]


def _url(source: Source) -> str:
    """An image's URL: its own, passed on and never fetched, or a data URL."""
    if source.url:
        return source.url
    return f"data:{source.media_type or 'image/png'};base64,{source.data or ''}"


def _explained(block: object, raw: Json, changes: Changes) -> str:
    """What this endpoint cannot take, as text: its own where it has some, else a remark."""
    match block:
        case (
            DocumentBlock(source=Source(type="text", data=str(text)), title=title)
            | DocumentBlock(source=Source(content=str(text)), title=title)
        ):
            return f"[Document {title}]\n{text}" if title else text
        case DocumentBlock(source=source, title=title):
            kind = source.media_type or source.type
            changes.dropped("content.document", "this endpoint takes text and images")
            return f"[A document ({title or kind}) was left out: this endpoint cannot read it.]"
        case OtherBlock(type=kind):
            changes.add(f"content.{kind}", "turned into text")
            return f"[{kind}] {msgspec.json.encode(raw).decode()}"
        case _:
            changes.dropped(f"content.{raw.get('type')}", "not possible in this place")
            return f"[A block of type {raw.get('type')} was left out here.]"
