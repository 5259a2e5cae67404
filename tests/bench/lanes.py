"""The kinds of traffic that are measured: a table.

A lane is a client's dialect, an endpoint, a prompt (the upstream does what it says), and how much
of it. Relays go through any target, transcoding only through the gateway: nginx and the direct
connection then stand in with the relay of the same upstream bytes.
"""

import json
from dataclasses import dataclass, replace
from functools import partial
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
_OTHER_EVENTS: Final[dict[EndpointName, int]] = {"anthropic": 6, "openai": 2}
"""Events besides deltas: opening, ping, block start, block stop, usage, end; last chunk, end."""

_HISTORY: Final = 'The pier is open until nine, "said" the keeper — naïve, 你好, C:\\tmp.\n' * 60


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of traffic: `connections` clients send `requests` in all, over `ramp` seconds.

    `megabytes` is the size of the conversation that is sent along. A burst round has as many
    requests as its time allows, `requests` at most.
    """

    name: str
    client: DialectName
    endpoint: EndpointName
    kind: Kind
    prompt: str
    requests: int
    connections: int = 32
    ramp: float = 0.0
    megabytes: float = 0.0
    remark: str = ""

    @property
    def what(self) -> str:
        """For people."""
        return f"{self.client.title()}, {'relay' if self.relayed else 'transcod'}ed{self.remark}"

    @property
    def relayed(self) -> bool:
        """Whether client and endpoint speak the same dialect."""
        return DIALECT[self.endpoint] == self.client

    @property
    def streams(self) -> bool:
        """Whether the client asks for a stream."""
        return self.kind != "whole"

    @property
    def deltas(self) -> int:
        """How far the upstream counts."""
        return int(self.prompt.split()[2])

    @property
    def events(self) -> int:
        """The events of one reply, as the upstream streams them."""
        return self.deltas + _OTHER_EVENTS[self.endpoint]

    def counting_to(self, deltas: int) -> "Lane":
        """The same with longer or shorter replies."""
        return replace(self, prompt=self.prompt.replace(str(self.deltas), str(deltas), 1))

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


_burst = partial(Lane, kind="burst", prompt="count to 500", requests=2_000)
_json = partial(Lane, kind="whole", prompt="count to 20", requests=6_000, remark=", JSON")
_big = partial(_json, requests=60, connections=2, megabytes=5, remark=", 5 MB sent, JSON")
_paced = partial(
    Lane, kind="paced", prompt="count to 60 every 50 ms", requests=200, connections=200
)

LANES: Final = (
    _burst("mm", "messages", "anthropic"),
    _burst("cc", "chat", "openai"),
    _burst("cm", "chat", "anthropic"),
    _burst("mc", "messages", "openai"),
    _json("json-mm", "messages", "anthropic"),
    _json("json-cm", "chat", "anthropic"),
    _big("big-mm", "messages", "anthropic"),
    _big("big-cm", "chat", "anthropic"),
    _paced("paced-mm", "messages", "anthropic"),
    _paced("paced-cm", "chat", "anthropic"),
)
OPEN_STREAMS: Final = Lane(
    "open", "chat", "anthropic", "open", "count to 6 every 1000 ms", 1_000, 1_000, ramp=2.0
)
