"""From a request to the plan of its reply, without a socket: key, checks, directive, bytes.

An `Answerer` is what a route does. Authentication comes before routing, as at z.ai (zai.md 1.2).
The same request gives the same reply: ids come from a digest of its body.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from proxy.simulator.anthropic import ANTHROPIC
from proxy.simulator.directives import obey
from proxy.simulator.endpoint import Endpoint, request_id
from proxy.simulator.errors import NOT_FOUND, error_reply
from proxy.simulator.openai import OPENAI
from proxy.simulator.refusals import Check
from proxy.simulator.script import JSON, Pause, Received, Reply, Script, Step, Then, encode
from proxy.simulator.turn import Answer, Ending, EndpointName, Failure, Prompt

Answerer = Callable[[Received, Script], Reply]
"""From a request, and what the script has for it, to the plan of its reply."""

ENDPOINTS: Final[Mapping[EndpointName, Endpoint]] = {"anthropic": ANTHROPIC, "openai": OPENAI}
_COUNTLESS: Final = "glm-5.3"
"""The model whose tokens z.ai once counted as 0 (zai.md 1.2)."""
_KEYS: Final = {
    "Authorization": re.compile(r"Bearer +\S+", re.IGNORECASE),
    "x-api-key": re.compile(r"\S+"),
}
_THEN: Final[Mapping[Ending, Then]] = {
    "end": "end",
    "cut": "cut",
    "stall": "stall",
    "silence": "stall",
}


def respond(received: Received, script: Script) -> Reply:
    """Answer a conversation, streaming or not."""
    endpoint = ENDPOINTS[received.endpoint]
    checks = endpoint.reading_checks + endpoint.answering_checks
    if refusal := _without_key(endpoint, received) or _refusal(endpoint, checks, received):
        return refusal
    prompt = endpoint.read(received.body)
    outcome = script.outcome() or obey(prompt)
    if isinstance(outcome, Failure):
        return error_reply(endpoint.name, outcome, _request_id(received))
    if received.body.get("stream"):
        return _streamed(endpoint, prompt, outcome, _digest(received), script.pace)
    return _whole(encode(endpoint.whole(prompt, outcome, _digest(received))), outcome)


def count_tokens(received: Received, _script: Script) -> Reply:
    """Count a conversation: plausible, but 0 for the model that z.ai forgets."""
    endpoint = ENDPOINTS[received.endpoint]
    checks = endpoint.reading_checks
    if refusal := _without_key(endpoint, received) or _refusal(endpoint, checks, received):
        return refusal
    prompt = endpoint.read(received.body)
    return Reply.json({"input_tokens": 0 if prompt.model == _COUNTLESS else prompt.tokens})


def list_models(received: Received, _script: Script) -> Reply:
    """The models that the endpoint admits to."""
    endpoint = ENDPOINTS[received.endpoint]
    return _without_key(endpoint, received) or Reply.json(endpoint.models)


def no_route(received: Received, _script: Script) -> Reply:
    """Any other path or method."""
    return _without_key(ENDPOINTS[received.endpoint], received) or NOT_FOUND


def _without_key(endpoint: Endpoint, received: Received) -> Reply | None:
    for name in endpoint.key_headers:
        if _KEYS[name].fullmatch(received.headers.get(name, "")):
            return None
    return error_reply(endpoint.name, Failure("1001"), _request_id(received))


def _refusal(endpoint: Endpoint, checks: tuple[Check, ...], received: Received) -> Reply | None:
    if not isinstance(received.body, dict):
        return error_reply(endpoint.name, Failure("1210"), _request_id(received))
    for check in checks:
        match check(received.body):
            case Failure() as failure:
                return error_reply(endpoint.name, failure, _request_id(received))
            case Reply() as reply:
                return reply
    return None


def _streamed(
    endpoint: Endpoint, prompt: Prompt, answer: Answer, digest: str, pace: float
) -> Reply:
    if answer.ending == "silence":
        return Reply(then="stall")
    frames: list[Step] = [*endpoint.stream(prompt, answer, digest)]
    for pieces, gate in reversed(answer.gates):
        # What is written before a gate is the beginning of the whole, frame for frame.
        frames.insert(len(endpoint.stream(prompt, answer.begun(pieces), digest)), gate)
    steps: list[Step] = []
    for frame in frames:
        steps += [Pause(pace), frame] if answer.paced and steps else [frame]
    return Reply(tuple(steps), then=_THEN[answer.ending])


def _whole(body: bytes, answer: Answer) -> Reply:
    """The JSON answer; one that shall not end well has half a body, or none."""
    sent = {"end": (body,), "cut": (body[: len(body) // 2],)}
    steps = (*(gate for _, gate in answer.gates), *sent.get(answer.ending, ()))
    return Reply(steps, 200, JSON, _THEN[answer.ending])


def _digest(received: Received) -> str:
    told = json.dumps([received.path, received.body], sort_keys=True, default=repr)
    return hashlib.sha256(told.encode()).hexdigest()


def _request_id(received: Received) -> str:
    return request_id(_digest(received))
