"""A Chat stream folded to the `chat.completion` that a non-streaming client asked for, and back.

The fold runs on the client's own chunks, behind relay or writer, and knows no field by meaning:
strings are joined, lists appended, calls gathered by index; so `logprobs`, `n` and new fields
survive.
"""

from typing import Any, Final

from proxy import loose_json, sse
from proxy.dialects.chat.frames import DONE, chunk, index_of
from proxy.loose_json import encode, mapping, members, objects

_WHOLE: Final = frozenset({"role", "id", "type", "name"})
"""Fields that are told once, not piece by piece."""

_OWN: Final = frozenset({"index", "delta", "message", "finish_reason"})
"""Fields of a choice that the fold itself sees to."""


class ChatFold:
    """Feed it the stream; `body()` is the completion."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def feed(self, run: bytes) -> None:
        """Take in complete frames."""
        for data in sse.payloads(run):
            if data != b"[DONE]":
                self._take(mapping(loose_json.decode(data)))

    def body(self) -> bytes:
        """The completion as JSON."""
        choices = [_joined(self._choice(index)) for index in sorted(self._choices)]
        return encode({**self._head, "object": "chat.completion", "choices": choices})

    def _take(self, event: dict[str, Any]) -> None:
        self._head.update(members(event) if None in event.values() else event)
        for told in objects(event.get("choices")):
            choice = self._choices.setdefault(index_of(told), {"message": {}})
            _merge(choice["message"], mapping(told.get("delta")))
            if not _OWN.issuperset(told):
                _merge(choice, {key: value for key, value in told.items() if key not in _OWN})
            choice["finish_reason"] = told.get("finish_reason") or choice.get("finish_reason")

    def _choice(self, index: int) -> dict[str, Any]:
        choice = self._choices[index]
        message = {"role": "assistant", "content": None, **choice["message"]}
        calls = message.get("tool_calls")
        if isinstance(calls, _Calls):
            message["tool_calls"] = [calls[key] for key in sorted(calls)]
            if not _joined(message["content"]):
                message["content"] = None
        return {"index": index, **choice, "message": message}


class _Pieces(list[str]):
    """A string that is still being told."""


class _Calls(dict[int, dict[str, Any]]):
    """Tool calls by index."""


def _merge(into: dict[str, Any], delta: dict[str, Any]) -> None:
    """Add a delta to what is known: strings and lists grow, objects merge, nulls say nothing."""
    for key, value in delta.items():
        known = into.get(key)
        if key == "tool_calls":
            if calls := objects(value):
                _merge_calls(into, calls)
        elif value is None or key in _WHOLE:
            into[key] = known if value is None else value
        elif isinstance(value, str):
            into[key] = known if isinstance(known, _Pieces) else _Pieces()
            into[key].append(value)
        elif isinstance(value, list):
            into[key] = [*known, *value] if isinstance(known, list) else list(value)
        elif isinstance(value, dict):
            into[key] = known if isinstance(known, dict) else {}
            _merge(into[key], value)
        else:
            into[key] = value


def _merge_calls(into: dict[str, Any], told: list[dict[str, Any]]) -> None:
    calls = into.setdefault("tool_calls", _Calls())
    for position, call in enumerate(told):
        index = call.get("index")
        known = calls.setdefault(index if isinstance(index, int) else position, {})
        _merge(known, {key: value for key, value in call.items() if key != "index"})


def _joined(value: Any) -> Any:
    """The same value with all pieces joined."""
    if isinstance(value, _Pieces):
        return loose_json.join(value)
    if isinstance(value, dict):
        return {key: _joined(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_joined(part) for part in value]
    return value


def unfold(completion: dict[str, Any]) -> bytes:
    """The stream that a whole completion would have been: for an upstream that answers JSON."""
    head = {k: v for k, v in completion.items() if k not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    deltas: list[dict[str, Any]] = []
    finishes: list[dict[str, Any]] = []
    for choice in objects(completion.get("choices")):
        index, message = index_of(choice), dict(mapping(choice.get("message")))
        if calls := objects(message.get("tool_calls")):
            message["tool_calls"] = [{**call, "index": i} for i, call in enumerate(calls)]
        rest = {k: v for k, v in choice.items() if k not in ("message", "finish_reason")}
        deltas.append({**rest, "delta": message})
        finish = choice.get("finish_reason") or "stop"
        finishes.append({"index": index, "delta": {}, "finish_reason": finish})
    usage = completion.get("usage")
    return chunk(head, deltas) + chunk(head, finishes, usage) + DONE
