"""A Messages stream folded to the JSON body that a non-streaming client asked for, and back.

The fold runs on the client's own frames, behind relay or writer: model, usage and repairs are in
them already, and fields nobody here knows survive.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from proxy import loose_json, sse
from proxy.loose_json import encode, members, objects

_TEXT_FIELDS: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}


class MessagesFold:
    """Feed it the stream; `body()` is the message."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}

    def feed(self, run: bytes) -> None:
        """Take in complete frames."""
        for data in sse.payloads(run):
            self._take(members(loose_json.decode(data)))

    def body(self) -> bytes:
        """The message as JSON."""
        for (index, field), pieces in self._pieces.items():
            joined = loose_json.join(pieces)
            block = self._blocks[index]
            block[field] = _arguments(joined, block) if field == "input" else joined
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        return encode({**self._message, "content": blocks})

    def _take(self, event: dict[str, Any]) -> None:
        # Not `int(index)`: Python looks in vain for `int.__match_args__` then, which takes 1 us.
        match event:
            case {"type": "message_start", "message": dict() as message}:
                self._message = message
            case {
                "type": "content_block_start",
                "index": int() as index,
                "content_block": dict() as block,
            }:
                self._blocks[index] = block
            case {"type": "content_block_delta", "index": int() as index, "delta": dict() as delta}:
                self._extend(index, delta)
            case {"type": "message_delta"}:
                told = event.get("usage")
                self._message.update(members(event.get("delta")))
                self._message["usage"] = {**members(self._message.get("usage")), **members(told)}

    def _extend(self, index: int, delta: dict[str, Any]) -> None:
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        kind = delta.get("type")
        if kind == "input_json_delta":
            self._pieces.setdefault((index, "input"), []).append(_text(delta.get("partial_json")))
        elif isinstance(kind, str) and kind in _TEXT_FIELDS:
            field = _TEXT_FIELDS[kind]
            first = [_text(block.get(field))]
            self._pieces.setdefault((index, field), first).append(_text(delta.get(field)))
        elif kind == "citations_delta":
            block["citations"] = [*objects(block.get("citations")), delta.get("citation")]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(joined: str, block: dict[str, Any]) -> Any:
    """The tool's input; what is not JSON is wrapped, so that nothing the model said is lost."""
    if not joined:
        return block.get("input") or {}
    try:
        return msgspec.json.decode(joined)
    except (msgspec.DecodeError, RecursionError):
        return {"INVALID_JSON": joined}


def unfold(message: dict[str, Any]) -> bytes:
    """The stream that a whole message would have been: for an upstream that answers JSON.

    Without a stop reason it is none, and the stream ends too early.
    """
    return b"".join(sse.frame(encode(event), event["type"].encode()) for event in _events(message))


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    head = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    yield {"type": "message_start", "message": head}
    for index, block in enumerate(objects(message.get("content"))):
        yield from _block_events(index, block)
    if not message.get("stop_reason"):
        return
    stop = {key: message.get(key) for key in ("stop_reason", "stop_sequence")}
    yield {"type": "message_delta", "delta": stop, "usage": message.get("usage") or {}}
    yield {"type": "message_stop"}


def _block_events(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Start, one delta a field, stop. Blocks of other types are whole in their start."""
    deltas: list[dict[str, Any]] = []
    opened = dict(block)
    if isinstance(block.get("input"), dict):
        opened["input"] = {}
        arguments = encode(block["input"]).decode()
        deltas.append({"type": "input_json_delta", "partial_json": arguments})
    for kind, field in _TEXT_FIELDS.items():
        if isinstance(block.get(field), str) and block[field]:
            opened[field] = ""
            deltas.append({"type": kind, field: block[field]})
    yield {"type": "content_block_start", "index": index, "content_block": opened}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
