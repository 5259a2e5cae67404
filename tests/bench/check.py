"""One reply of a lane, looked at closely: what is measured must also be right."""

import http.client
import json
from itertools import cycle, islice
from typing import Any

from bench.lanes import HEADERS, Lane
from bench.targets import Target
from bench.upstream import PIECES
from proxy import sse
from proxy.errors import DialectName


class WrongReplyError(Exception):
    """A target does not do its work."""


def check(target: Target, lane: Lane) -> None:
    """Ask once. Raises WrongReplyError unless text, usage and end are there and whole."""
    asking = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
    headers = {"Content-Type": "application/json", **HEADERS[lane.client]}
    asking.request("POST", target.path(lane), target.body(lane).encode(), headers)
    response = asking.getresponse()
    raw = response.read()
    asking.close()
    try:
        found = (_STREAMS if lane.streams else _WHOLE)[lane.client](raw)
    except (ValueError, LookupError, TypeError) as error:
        raise WrongReplyError(f"{target.name}, {lane.name}: {raw[:300]!r}") from error
    wanted = "".join(islice(cycle(PIECES), lane.deltas))
    text, tokens, ended = found
    right = text == wanted or (
        lane.kind in ("paced", "open") and text.count("@") == 2 * lane.deltas
    )
    if response.status != 200 or not (right and tokens and ended):
        raise WrongReplyError(f"{target.name}, {lane.name}: {found}")


Found = tuple[str, int, bool]
"""The text, the tokens of the prompt, and whether there was a proper end."""


def _events(raw: bytes) -> list[Any]:
    return [json.loads(data) for data in sse.payloads(raw) if data != b"[DONE]"]


def _messages_stream(raw: bytes) -> Found:
    events = _events(raw)
    text = "".join(event["delta"].get("text", "") for event in events if "delta" in event)
    usage = next(event["usage"] for event in reversed(events) if "usage" in event)
    return text, usage["input_tokens"], events[-1]["type"] == "message_stop"


def _chat_stream(raw: bytes) -> Found:
    events = _events(raw)
    choices = [choice for event in events for choice in event["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    usage = next(event["usage"] for event in reversed(events) if event.get("usage"))
    return text, usage["prompt_tokens"], raw.endswith(b"data: [DONE]\n\n")


def _messages_whole(raw: bytes) -> Found:
    body = json.loads(raw)
    return body["content"][0]["text"], body["usage"]["input_tokens"], bool(body["stop_reason"])


def _chat_whole(raw: bytes) -> Found:
    body = json.loads(raw)
    choice = body["choices"][0]
    ended = bool(choice["finish_reason"])
    return choice["message"]["content"], body["usage"]["prompt_tokens"], ended


_STREAMS = dict[DialectName, Any](messages=_messages_stream, chat=_chat_stream)
_WHOLE = dict[DialectName, Any](messages=_messages_whole, chat=_chat_whole)
