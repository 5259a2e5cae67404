"""Chat in, Chat out: bytes pass untouched but for model, usage, errors and missing keys.

Every chunk names the model, so its name is replaced in a whole run at once, by the literal the
first chunk showed; an unescaped `"model":"…"` cannot stand inside a JSON string. Looked into are
chunks with tool calls, for keys that are missing, and with usage or a finish reason: where usage
goes depends on what the client asked (zai.md 0.8), so chunks that finish wait for `[DONE]`.
"""

import re
from typing import Any, Final

from proxy import refusals, sse
from proxy.dialects.chat.calls import CallKeys
from proxy.dialects.chat.frames import DONE, ZAI_FINISH_REASONS, index_of, is_text
from proxy.dialects.relay import LITERAL, Relay
from proxy.dialects.transcoder import ReplyContext
from proxy.loose_json import decode_any, encode, members, objects
from proxy.tokens.usage import Usage, relay_chat_usage

_OWNED: Final = (b'"usage"', b'"finish_reason"', b'"error"', b'"tool_calls":', b"data: [")
_MODEL: Final = re.compile(rb'"model": ?"(?:[^"\\]|\\.)*"')
_MEMBER: Final = rb'"\w+": ?(?:"[^"\\]*"|\d+|null)'
_DELTA: Final = re.compile(
    rb'data: \{(?:%s, ?)*"choices": ?\[\{"index": ?\d+, ?"delta": ?\{(?:"role": ?"assistant", ?)?'
    rb'"(?:content|reasoning_content|tool_calls": ?\[\{"index": ?\d+, ?"function": ?\{"arguments)"'
    rb': ?%s(?:\}\}\])?\}(?:, ?"finish_reason": ?null)?\}\](?:, ?%s)*\}'
    % (_MEMBER, LITERAL, _MEMBER)
)
"""A chunk from which a fold takes nothing but its text that the chunk before did not tell."""

_REQUIRED: Final = ("id", "object", "created", "model", "choices")
_CONTENT: Final = ("content", "reasoning_content", "reasoning", "refusal", "audio")


class ChatRelay(Relay):
    """See `Transcoder`."""

    __slots__ = (
        *("_calls", "_complete", "_finish", "_head"),
        *("_model", "_told_model", "_told_usage"),
    )

    in_texts = re.compile(rb"data: \[")
    delta = _DELTA

    def __init__(self, context: ReplyContext) -> None:
        super().__init__(context, _OWNED)
        self._head: dict[str, Any] = {
            "id": context.reply_id,
            "object": "chat.completion.chunk",
            "created": context.created,
        }
        self._model = b'"model":' + encode(context.model)
        self._told_model = b""
        self._complete = False
        self._finish: list[dict[str, Any]] = []
        self._told_usage: object = None
        self._calls: dict[int, CallKeys] = {}

    def _looks_at_all(self) -> bool:
        waiting = self.phase == "waiting"
        return waiting or not self._complete or bool(self._finish)

    def _pass(self, frames: bytes) -> bytes:
        if self._told_model == self._model:
            return frames
        return self._model.join(frames.split(self._told_model))  # `replace` searches twice

    def _look(self, frame: bytes) -> bytes | None:
        data = sse.data_of(frame)
        if not data:
            return frame + sse.END
        if data == b"[DONE]":
            return self._done()
        event = decode_any(data)
        if not isinstance(event, dict) or refusals.find_error(event):
            self.fail_with(data)
            return b""
        if not self._told_model:
            self._learn(event, data)
        return self._chunk(event)

    def _chunk(self, event: dict[str, Any]) -> bytes | None:
        choices, mended = self._mend(objects(event.get("choices")))
        usage = event.pop("usage", None)
        if usage is not None:
            self._told_usage = usage
            self.usage = self.usage.updated(Usage.from_chat(usage))
        if self.phase == "waiting" and any(map(_has_content, choices)):
            self.progress()
        finished = [c["finish_reason"] for c in choices if c.get("finish_reason")]
        if self._complete and not (mended or finished) and usage is None:
            return None
        event = {**self._head, **members(event), "model": self.context.model, "choices": choices}
        if finished:
            self.stopped(str(finished[0]))
            event["choices"] = [_with_known_reason(choice) for choice in choices]
            self._finish.append(event)
            return b""
        return sse.frame(encode(event)) if choices or usage is None else b""

    def _mend(self, choices: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """The choices with whole tool calls, and whether anything was missing in them."""
        mended = False
        for position, choice in enumerate(choices):
            delta = members(choice.get("delta"))
            calls = delta.pop("tool_calls", None)
            if not calls:
                continue
            keys = self._calls.setdefault(
                index_of(choice), CallKeys(self.context.reply_id, self.mended)
            )
            whole = keys.mend(calls)
            if whole != calls:
                told = {"tool_calls": whole} if whole else {}
                choices[position] = {**choice, "delta": {**delta, **told}}
                mended = True
        return choices, mended

    def _learn(self, event: dict[str, Any], data: bytes) -> None:
        """What the first chunk says of all: how it writes the model, whether keys are missing."""
        self._complete = None not in map(event.get, _REQUIRED)
        told = _MODEL.search(data)
        self._told_model = told[0] if told else b""
        self._complete = self._complete and bool(told)
        for key in self._head:
            self._head[key] = event.get(key) or self._head[key]

    def _end(self) -> bytes:
        """See `Transcoder`: a finish reason without `[DONE]` is an end too."""
        return self._done() if self._finish else b""

    def _done(self) -> bytes:
        """The chunks that finish, usage where the client looks for it, `[DONE]`."""
        if self.phase == "waiting" and not self._finish:
            return b""
        self.phase = "ended"
        usage = relay_chat_usage(self._told_usage, self.usage, self.context.scale)
        if self.context.include_usage:
            head = {**self._head, "model": self.context.model}
            self._finish.append({**head, "choices": [], "usage": usage})
        elif self._finish and self._told_usage is not None:
            self._finish[-1]["usage"] = usage
        return b"".join([*map(sse.frame, map(encode, self._finish)), DONE])


def _with_known_reason(choice: dict[str, Any]) -> dict[str, Any]:
    reason = choice.get("finish_reason")
    known = ZAI_FINISH_REASONS.get(reason) if isinstance(reason, str) else None
    return {**choice, "finish_reason": known} if known else choice


def _has_content(choice: dict[str, Any]) -> bool:
    """Whether a choice shows something a client could use (a role alone is nothing)."""
    delta = choice.get("delta")
    if not isinstance(delta, dict):
        return False
    return bool(delta.get("tool_calls")) or any(map(is_text, map(delta.get, _CONTENT)))
