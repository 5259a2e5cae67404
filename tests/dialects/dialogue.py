"""Replies as dialogues: what the upstream says, frame by frame, and what the client hears.

`play` holds a whole dialogue against a transcoder; `hear` only listens. Frames are built by
`chat(...)` and `event(...)`, and read back by `said(...)`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from proxy import models, sse
from proxy.dialects.changes import Changes
from proxy.dialects.reading import read
from proxy.dialects.registry import (
    CLIENTS,
    ENDPOINTS,
    ClientDialect,
    has_images,
    transcoder,
    upstream_request,
)
from proxy.dialects.transcoder import Phase, ReplyContext
from proxy.errors import DialectName, Problem
from proxy.loose_json import encode
from proxy.models import Model
from proxy.routing import EndpointName
from proxy.tokens.scale import Scale
from proxy.tokens.usage import Usage

Json = dict[str, Any]
Pair = tuple[DialectName, EndpointName]

DATA = Path(__file__).parent.parent / "data"
PAIRS: list[Pair] = [
    ("messages", "anthropic"),
    ("messages", "openai"),
    ("chat", "anthropic"),
    ("chat", "openai"),
]
ASKED = "asked-model"
REPLY_ID = "req_1"
CREATED = 1_700_000_000
DONE = "[DONE]"
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: a busy machine is no failure."""


def context(**told: Any) -> ReplyContext:
    plain: Json = {
        "model": ASKED,
        "scale": Scale(),
        "window": 131_072,
        "created": CREATED,
        "reply_id": REPLY_ID,
    }
    return ReplyContext(**(plain | told))


@dataclass(frozen=True, slots=True)
class Heard:
    """All that came out of a transcoder."""

    out: bytes
    phase: Phase
    usage: Usage
    failure: Problem | None
    stop_reason: str | None


def hear(pair: Pair, *chunks: bytes, **told: Any) -> Heard:
    """Feed the chunks, close, and tell what came out."""
    reply = transcoder(CLIENTS[pair[0]], ENDPOINTS[pair[1]], context(**told))
    out = b"".join([*(reply.feed(chunk) for chunk in chunks), reply.close()])
    return Heard(out, reply.phase, reply.usage, reply.failure, reply.stop_reason)


def fold(client: DialectName, out: bytes) -> Any:
    """The body of a non-streaming answer."""
    gathered = CLIENTS[client].fold()
    for each in sse.frames(out):
        gathered.feed(each + sse.END)
    return json.loads(gathered.body())


def play(pair: Pair, *dialogue: tuple[bytes, list[Any]], **told: Any) -> Heard:
    """Hold what is heard after each upstream frame against what is expected; then close."""
    reply = transcoder(CLIENTS[pair[0]], ENDPOINTS[pair[1]], context(**told))
    out = b""
    for spoken, expected in dialogue:
        answer = reply.feed(spoken)
        assert said(answer) == expected, spoken
        out += answer
    out += reply.close()
    return Heard(out, reply.phase, reply.usage, reply.failure, reply.stop_reason)


def said(out: bytes) -> list[Any]:
    """The data of the frames in `out`, decoded; comments and `[DONE]` as text."""
    assert out == b"" or out.endswith(sse.END)
    return [_said(each) for each in sse.frames(out)] if out else []


def _said(frame: bytes) -> Any:
    data = sse.data_of(frame)
    if not data or data == b"[DONE]":
        return (data or frame).decode()
    value = json.loads(data)
    name = sse.event_of(frame)
    assert not name or value["type"] == name.decode()
    return value


def types(out: bytes) -> list[str]:
    """The event types of a Messages stream."""
    return [value["type"] for value in said(out) if isinstance(value, dict)]


def event(kind: str, **fields: Any) -> bytes:
    """A frame of a Messages upstream."""
    return sse.frame(json.dumps({"type": kind, **fields}).encode(), kind.encode())


def start(index: int, block: Json) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, kind: str, field: str, text: str) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, field: text})


def text(index: int, piece: str) -> bytes:
    return delta(index, "text_delta", "text", piece)


def stop(index: int) -> bytes:
    return event("content_block_stop", index=index)


def begin(**message: Any) -> bytes:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "glm-4.6"}
    usage = {"input_tokens": 0, "output_tokens": 0}
    rest: Json = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    return event("message_start", message={**head, **rest, **message})


def finish(reason: str | None, **usage: Any) -> bytes:
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)


END = event("message_stop")


def chat(delta: Json | None = None, finish: str | None = None, **more: Any) -> bytes:
    """A chunk of a Chat upstream, as z.ai writes it: no finish reason before the end."""
    choice: Json = {"index": 0, "delta": delta if delta is not None else {}}
    if finish:
        choice["finish_reason"] = finish
    head = {"id": "c1", "created": 7, "object": "chat.completion.chunk", "model": "glm-4.6"}
    body = {**head, "choices": [choice], **more}
    return sse.frame(json.dumps(body, separators=(",", ":")).encode())


def call(index: int | None, arguments: Any, name: str | None = None, **more: Any) -> Json:
    """The delta of one piece of a tool call; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    piece = {
        "index": index,
        **more,
        "function": {k: v for k, v in function.items() if v is not None},
    }
    return {"tool_calls": [{k: v for k, v in piece.items() if v is not None}]}


CHAT_DONE = sse.frame(b"[DONE]")


def chunks(stream: bytes, *places: int) -> list[bytes]:
    """`stream` cut at `places`."""
    edges = [0, *sorted(places), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def told(pair: Pair, body: Json, model: str | Model = "glm-4.6") -> tuple[Json, tuple[str, ...]]:
    """The request as it goes upstream, and what was changed. Raises GatewayError."""
    sent, changes = sent_for(CLIENTS[pair[0]], pair[1], encode(body), model)
    value: Json = json.loads(sent)
    return value, changes


def sent_for(
    client: ClientDialect[Any], upstream: EndpointName, raw: bytes, model: str | Model = "glm-4.6"
) -> tuple[bytes, tuple[str, ...]]:
    """The body that goes upstream for a client's, and what was changed. Raises GatewayError."""
    changes = Changes()
    known = models.describe(model, 128_000) if isinstance(model, str) else model
    body, view = read(raw, client, changes)
    has_images(client, view)
    sent = upstream_request(client, ENDPOINTS[upstream], view, body, known, changes)
    assert changes.header().isascii()
    assert changes.header().isprintable()
    return encode(sent), changes.entries()


def own(sent: Json, *names: str) -> Json:
    """A sent request without what every request gets at the rim."""
    rim = ("model", "stream", "stream_options", *names)
    return {key: value for key, value in sent.items() if key not in rim}


def samples(prefix: str) -> Iterable[str]:
    """The recorded streams of an endpoint."""
    return sorted(path.name for path in DATA.glob(f"{prefix}_stream_*.sse"))
