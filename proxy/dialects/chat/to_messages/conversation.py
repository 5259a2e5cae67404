"""The conversation of a Chat request as that of a Messages request.

System text that opens the conversation becomes `system`; later system text stays where it stands,
as marked text in a user turn, so that the prefix of a growing history never changes (and the
prompt cache keeps working). Calls and results are paired as Messages demands.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

from proxy import literals
from proxy.dialects.changes import Changes
from proxy.dialects.chat.request import (
    CalledFunction,
    ChatRequest,
    FilePart,
    ForeignImagePart,
    ImagePart,
    ImageUrl,
    Json,
    Message,
    OtherPart,
    Part,
    RefusalPart,
    TextPart,
    read_part,
)
from proxy.dialects.messages.pairing import marked, pair
from proxy.literals import Text

_ID: Final = re.compile(r"[^A-Za-z0-9_-]")
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.-]+)*;base64,", re.ASCII)
_SYSTEM: Final = ("system", "developer")


@dataclass(slots=True)
class _Ids:
    """Call ids as Messages allows them (`^[A-Za-z0-9_-]+$`), the same for call and result."""

    changes: Changes
    known: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def clean(self, given: str) -> str:
        """The id to use for `given`."""
        if given not in self.known:
            clean = _ID.sub("_", given)
            if clean != given:
                self.changes.add("tool_call_id", "characters replaced")
            self.known[given] = self._free(clean)
        return self.known[given]

    def made_up(self, position: int) -> str:
        """An id for the `position`th call, which has none."""
        self.changes.add("tool_call_id", "missing: made up")
        return self._free(f"call_{position}")

    def _free(self, wanted: str) -> str:
        while wanted in self.taken:
            wanted += "_"
        self.taken.add(wanted)
        return wanted


class _Conversation:
    """Turns in the making: neighbours of one role become one turn."""

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self.system: list[Json] = []
        self.turns: list[Json] = []
        self._ids = _Ids(changes)
        self._calls = 0
        self._unanswered: list[str] = []

    def add(self, message: Message) -> None:
        """Take in the next message."""
        if message.name and message.role not in ("tool", "function"):
            self.changes.dropped("messages.name")
        if message.role in _SYSTEM:
            self._add_system(message)
        elif message.role == "assistant":
            self._extend("assistant", self._assistant(message))
        elif message.role == "user":
            self._extend("user", content_blocks(message.content, self.changes))
        else:
            self._extend("user", [self._result(message)])

    def _extend(self, role: str, blocks: list[Json]) -> None:
        if not blocks:
            self.changes.dropped("messages", "a message with nothing in it")
        elif self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def _add_system(self, message: Message) -> None:
        blocks = content_blocks(message.content, self.changes)
        texts = [block for block in blocks if block["type"] == "text"]
        if texts != blocks:
            self.changes.dropped("messages.content", "system prompts take only text")
        if not self.turns:
            self.system += texts
            return
        self.changes.add("messages.role", "later system text moved into a user turn")
        for block in texts:
            block["text"] = marked(literals.read(block["text"]))
        self._extend("user", texts)

    def _assistant(self, message: Message) -> list[Json]:
        blocks = content_blocks(message.content, self.changes)
        reasoning = message.reasoning_content or message.reasoning
        if isinstance(reasoning, str) and reasoning:
            blocks.insert(0, {"type": "thinking", "thinking": reasoning, "signature": ""})
        if message.refusal:
            blocks.append({"type": "text", "text": message.refusal})
        uses = [
            self._tool_use(call.id, call.function)
            for call in message.tool_calls or ()
            if call.function
        ]
        if message.tool_calls and len(uses) < len(message.tool_calls):
            self.changes.dropped("tool_calls", "this endpoint knows only functions")
        if message.function_call:
            uses.append(self._tool_use(None, message.function_call))
        self._unanswered = [use["id"] for use in uses]
        return blocks + uses if uses else blocks

    def _tool_use(self, call_id: str | None, function: CalledFunction) -> Json:
        clean = self._ids.clean(call_id) if call_id else self._ids.made_up(self._calls)
        self._calls += 1
        arguments = _arguments(function.arguments, self.changes)
        return {"type": "tool_use", "id": clean, "name": function.name, "input": arguments}

    def _result(self, message: Message) -> Json:
        """A result; one without an id answers the oldest call that still waits."""
        if message.tool_call_id:
            clean = self._ids.clean(message.tool_call_id)
        else:
            clean = self._unanswered[0] if self._unanswered else "unknown"
        if clean in self._unanswered:
            self._unanswered.remove(clean)
        content = message.content
        if not isinstance(content, Text):
            content = content_blocks(content, self.changes)
        return {"type": "tool_result", "tool_use_id": clean, "content": content}


def conversation(request: ChatRequest, changes: Changes) -> Json:
    """`system` (if any) and `messages` of the Messages request."""
    told = _Conversation(changes)
    for message in request.messages:
        told.add(message)
    if told.system and "user" not in [turn["role"] for turn in told.turns[:2]]:
        changes.add("messages", "no user turn: the last system text became one")
        told.turns.insert(0, {"role": "user", "content": [told.system.pop()]})
    body: Json = {"system": told.system} if told.system else {}
    return {**body, "messages": pair(told.turns, changes)}


def content_blocks(content: Text | list[Json] | None, changes: Changes) -> list[Json]:
    """Checked content of any shape as Messages blocks; empty texts say nothing and are left out."""
    if not content:
        return []
    if isinstance(content, Text):
        return [{"type": "text", "text": content}]
    blocks: list[Json] = []
    for part in content:
        read, mark = _blocks(read_part(part), changes), part.get("cache_control")
        blocks += [{**block, "cache_control": mark} for block in read] if mark else read
    return blocks


def _blocks(part: Part, changes: Changes) -> list[Json]:
    match part:
        case TextPart(text=text) | RefusalPart(refusal=text):
            return [{"type": "text", "text": text}] if text else []
        case ImagePart(image_url=image):
            return [image_block(image.url if isinstance(image, ImageUrl) else image)]
        case ForeignImagePart(source=source):
            return [{"type": "image", "source": _plain(source)}]
        case FilePart(file=file):
            return [_document(file.file_data, file.filename, changes)]
        case OtherPart(type=kind):
            changes.dropped(f"content.{kind}", "this endpoint cannot take it")
            return [{"type": "text", "text": f"[A part of type {kind} was left out here.]"}]


def image_block(url: str) -> Json:
    """An image block for a data URL or an http(s) URL, which is passed on and never fetched."""
    inline = _DATA_URL.match(url)
    if inline:
        media_type = inline[1] or "image/png"
        data = url[inline.end() :]
        source = {"type": "base64", "media_type": media_type, "data": data}
    elif url.startswith(("http://", "https://")):
        source = {"type": "url", "url": url}
    else:
        source = {"type": "base64", "media_type": "image/png", "data": url}
    return {"type": "image", "source": source}


def _document(data: str | None, name: str | None, changes: Changes) -> Json:
    inline = _DATA_URL.match(data or "")
    if data and inline:
        media_type = inline[1] or "application/pdf"
        source = {"type": "base64", "media_type": media_type, "data": data[inline.end() :]}
        return {"type": "document", "source": source, **({"title": name} if name else {})}
    changes.dropped("content.file", "no inline data")
    return {"type": "text", "text": f"[The file {name or ''} could not be read here.]"}


def _plain(value: msgspec.Struct) -> Json:
    """A struct as JSON, without what was not given."""
    return {k: v for k, v in msgspec.structs.asdict(value).items() if v is not None}


def _arguments(arguments: str | Json | None, changes: Changes) -> Json:
    """A call's arguments as an object; what is none is kept under a name that says so."""
    if isinstance(arguments, dict):
        return arguments
    if not arguments or not arguments.strip():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    changes.add("tool_calls.arguments", "no JSON object: wrapped")
    return {"INVALID_JSON": arguments}
