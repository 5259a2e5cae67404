"""The kinds of traffic that are measured: a table.

A lane is a client's dialect, an endpoint, a prompt (the upstream does what it says), and how much
of it. Relays go through any target, transcoding only through the gateway: nginx and the direct
connection then stand in with the relay of the same upstream bytes.
"""

import json
from dataclasses import dataclass
from typing import Final, Literal

from proxy.errors import DialectName
from proxy.routing import EndpointName

Kind = Literal["burst", "whole", "paced", "open"]
"""Streams in one go; JSON answers; streams with pauses; many slow streams at the same time."""

DIALECT: Final[dict[EndpointName, DialectName]] = {"anthropic": "messages", "openai": "chat"}
HEADERS: Final[dict[DialectName, dict[str, str]]] = {
    "messages": {"x-api-key": "sk-bench", "anthropic-version": "2023-06-01"},
    "chat": {"Authorization": "Bearer sk-bench"},
}
_BOTH_EVENTS: Final[dict[EndpointName, int]] = {"anthropic": 6, "openai": 2}
"""Events besides deltas: opening, ping, block start, block stop, usage, end; last chunk, end."""

_HISTORY: Final = 'The pier is open until nine, "said" the keeper — naïve, 你好, C:\\tmp.\n' * 60


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of traffic: `connections` clients send `requests` in all, over `ramp` seconds.

    `megabytes` is the size of the conversation that is sent along.
    """

    name: str
    what: str
    client: DialectName
    endpoint: EndpointName
    kind: Kind
    prompt: str
    requests: int
    connections: int = 32
    ramp: float = 0.0
    megabytes: float = 0.0

    @property
    def relayed(self) -> bool:
        """Whether client and endpoint speak the same dialect."""
        return DIALECT[self.endpoint] == self.client

    @property
    def streams(self) -> bool:
        """Whether the client asks for a stream."""
        return self.kind != "whole"

    @property
    def events(self) -> int:
        """The events of one reply, as the upstream streams them."""
        return int(self.prompt.split()[2]) + _BOTH_EVENTS[self.endpoint]

    def body(self, model: str) -> str:
        """The request to `model`."""
        roles = ("user", "assistant")
        turns = int(self.megabytes * 1_000_000 / len(_HISTORY.encode())) | 1
        history = [
            {"role": roles[n % 2], "content": f"{n} {_HISTORY if self.megabytes else ''}"}
            for n in range(turns + 1)
        ]
        body = {
            "model": model,
            "max_tokens": 4_000,
            "stream": self.streams,
            "messages": [*history, {"role": "user", "content": self.prompt}],
        }
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


_PACED: Final = "count to 80 every 50 ms"

LANES: Final = (
    Lane("mm", "Messages, relayed", "messages", "anthropic", "burst", "count to 500", 2_000),
    Lane("cc", "Chat, relayed", "chat", "openai", "burst", "count to 500", 2_000),
    Lane("cm", "Chat, transcoded", "chat", "anthropic", "burst", "count to 500", 1_500),
    Lane("mc", "Messages, transcoded", "messages", "openai", "burst", "count to 500", 1_500),
    Lane(
        "json-mm", "Messages, relayed, JSON", "messages", "anthropic", "whole", "count to 20", 6_000
    ),
    Lane("json-cm", "Chat, transcoded, JSON", "chat", "anthropic", "whole", "count to 20", 4_000),
    Lane(
        "big-mm",
        "Messages, relayed, 5 MB sent",
        "messages",
        "anthropic",
        "whole",
        "count to 20",
        60,
        2,
        0,
        5,
    ),
    Lane(
        "big-cm",
        "Chat, transcoded, 5 MB sent",
        "chat",
        "anthropic",
        "whole",
        "count to 20",
        40,
        2,
        0,
        5,
    ),
    Lane(
        "paced-mm",
        "Messages, relayed",
        "messages",
        "anthropic",
        "paced",
        _PACED,
        200,
        200,
    ),
    Lane("paced-cm", "Chat, transcoded", "chat", "anthropic", "paced", _PACED, 200, 200),
)
OPEN_STREAMS: Final = Lane(
    "open",
    "1,000 slow streams",
    "chat",
    "anthropic",
    "open",
    "count to 6 every 1000 ms",
    1_000,
    1_000,
    2.0,
)
