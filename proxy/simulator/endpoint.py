"""What makes an endpoint: the seam between `respond.py` and the two dialects."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proxy.simulator.reading import Body
from proxy.simulator.refusals import Check
from proxy.simulator.turn import Answer, EndpointName, Prompt

CREATED: Final = 1_790_848_800
"""The hour in which the simulator lives, as seconds and, in `_STAMP`, in z.ai's local time: a
clock would make equal requests unequal."""
_STAMP: Final = "20261001180000"

LISTED_MODELS: Final = (
    "glm-4.5",
    "glm-4.5-air",
    "glm-4.6",
    "glm-4.7",
    "glm-5",
    "glm-5-turbo",
    "glm-5.1",
    "glm-5.2",
    "glm-5.3",
    "glm-5.3-flash",
    "glm-5.3-flashx",
)
"""What z.ai admits to; other models work all the same (zai.md 2.5)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of z.ai's two APIs.

    `key_headers` name where it looks for the key. `reading_checks` run before a body is read,
    `answering_checks` after them if it shall be answered and not only counted. `stream` and
    `whole` write the same answer as frames and as one object; their last argument is a digest of
    the request, from which ids are made.
    """

    name: EndpointName
    key_headers: tuple[str, ...]
    reading_checks: tuple[Check, ...]
    answering_checks: tuple[Check, ...]
    read: Callable[[Body], Prompt]
    stream: Callable[[Prompt, Answer, str], list[bytes]]
    whole: Callable[[Prompt, Answer, str], Body]
    models: Body


def request_id(digest: str) -> str:
    """Date and time, then hexadecimal digits: 30 characters."""
    return _STAMP + digest[:16]


def message_id(digest: str) -> str:
    """An answer's id is two characters shorter (zai.md 1.2, samples)."""
    return _STAMP + digest[:14]


def call_id(digest: str, index: int) -> str:
    """`call_` and 24 hexadecimal digits, also on the Anthropic-style endpoint (zai.md 1.2)."""
    return "call_" + hashlib.sha256(f"{digest}{index}".encode()).hexdigest()[:24]
