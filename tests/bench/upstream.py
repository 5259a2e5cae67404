"""The upstream: replies of the simulator, rendered once and written from memory.

The simulator itself would be slower than what is measured. Here it answers the first request of
each kind (so that it also judges whether that request is right); the bytes are kept and sent again.
The kind is told by the prompt:

    count to 500                one burst: 500 deltas in a single write, an HTTP chunk each
    count to 100 every 50 ms    one delta in each interval, its text the time when it was sent
    count to 1 and stall        one delta, then silence until the client leaves

`python -m bench.upstream [CERTIFICATE KEY]` serves, by TLS if given both, and says its port.
"""

import asyncio
import json
import re
import ssl
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, cast

from multidict import CIMultiDict

from bench.clock import NO_STAMP, STAMP, run, stamp
from proxy.simulator import Answer, Received, Reply, Script
from proxy.simulator.respond import respond
from proxy.simulator.turn import EndpointName, Text

PIECES: Final = (
    "Hello",
    " world",
    ' "said"',
    " the\n",
    " café",
    " 你好",
    " \\path",
    " 3.14",
    " fox",
)
"""What the deltas of a burst say, over and over; some of it needs escapes in JSON."""

_WISH: Final = re.compile(rb"count to (\d+)(?: every (\d+) ms)?( and stall)?")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOLDEN: Final = 0.618033988749895


@dataclass(frozen=True, slots=True)
class Wish:
    """How many deltas, the seconds between them (0: none), and whether no end follows."""

    count: int
    seconds: float
    stalls: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """What comes between opening and closing: `count` deltas, cut where the stamp stands."""

    count: int
    seconds: float
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """A reply as bytes; `events` are those of its stream."""

    events: int
    opening: bytes
    pace: Pace | None = None
    closing: bytes = b""


def wish_of(body: bytes) -> Wish:
    """What the last prompt in a request wishes for. Raises ValueError if it does not say."""
    found = _WISH.search(body, max(0, body.rfind(b"count to ")))
    if found is None:
        raise ValueError("the prompt does not say how far to count")
    return Wish(int(found[1]), int(found[2] or 0) / 1000, bool(found[3]))


def answer(path: str, headers: Mapping[str, str], body: bytes) -> Plan:
    """What the simulator answers, its text made as the prompt wishes."""
    wish = wish_of(body)
    text = (NO_STAMP,) * wish.count if wish.seconds else islice(cycle(PIECES), wish.count)
    told = Answer((Text(tuple(text)),), ending="stall" if wish.stalls else "end")
    endpoint: EndpointName = "anthropic" if "/anthropic/" in path else "openai"
    received = Received(endpoint, "POST", path, "", CIMultiDict(headers), json.loads(body))
    return _render(respond(received, Script(replies=deque([told]))), wish.seconds)


def _render(reply: Reply, seconds: float) -> Plan:
    """`reply` on the wire, each frame an HTTP chunk; stamped deltas come so many seconds apart."""
    frames = [step for step in reply.chunks if isinstance(step, bytes)]
    head = f"HTTP/1.1 {reply.status} {'OK' if reply.status == 200 else 'Refused'}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
    if "event-stream" not in reply.headers.get("Content-Type", ""):
        body = b"".join(frames)
        return Plan(0, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    opening = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()
    chunks = [b"%x\r\n%s\r\n" % (len(frame), frame) for frame in frames]
    end = b"0\r\n\r\n" if reply.then == "end" else b""
    if not seconds:
        return Plan(len(frames), b"".join([opening, *chunks, end]))
    stamped = [n for n, chunk in enumerate(chunks) if STAMP.search(chunk)]
    first, last = stamped[0], stamped[-1]
    before, _, after = chunks[first].partition(NO_STAMP.encode())
    return Plan(
        len(frames),
        b"".join([opening, *chunks[:first]]),
        Pace(len(stamped), seconds, before, after),
        b"".join([*chunks[last + 1 :], end]),
    )


class Upstream(asyncio.Protocol):
    """One connection: HTTP/1.1 with a content length, one request after the other."""

    _plans: Final[dict[tuple[str, Wish, bool], Plan]] = {}
    _connections = 0

    def __init__(self) -> None:
        Upstream._connections += 1
        self._phase = Upstream._connections * _GOLDEN % 1.0
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._body_at = 0
        self._end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._received += data
        if not self._end:
            head = self._received.find(b"\r\n\r\n") + 4
            if head < 4:
                return
            length = _LENGTH.search(self._received, 0, head)
            self._body_at, self._end = head, head + int(length[1] if length else 0)
        if len(self._received) >= self._end:
            request = bytes(self._received)  # no pipelining: nothing follows a request
            self._received.clear()
            told, body = request[: self._body_at], request[self._body_at :]
            self._end = 0
            self._play(self._plan(told, body))

    def _plan(self, head: bytes, body: bytes) -> Plan:
        path = head.split(b" ", 2)[1].decode()
        kind = (path, wish_of(body), b'"stream":true' in body)
        if kind not in self._plans:
            lines = head.decode().split("\r\n")[1:]
            headers = dict(line.split(": ", 1) for line in lines if line)
            self._plans[kind] = answer(path, headers, body)
        return self._plans[kind]

    def _play(self, reply: Plan) -> None:
        self._transport.write(reply.opening)
        if reply.pace:
            phase = self._loop.time() + self._phase * reply.pace.seconds
            self._loop.call_at(phase, self._tick, reply, reply.pace, 0, phase)

    def _tick(self, reply: Plan, pace: Pace, sent: int, due: float) -> None:
        """Send a delta now and the next one when it is due; streams are out of phase."""
        if self._transport.is_closing():
            return
        self._transport.write(pace.before + stamp() + pace.after)
        sent, due = sent + 1, due + pace.seconds
        if sent < pace.count:
            self._loop.call_at(due, self._tick, reply, pace, sent, due)
        else:
            self._transport.write(reply.closing)


async def main(certificate: str = "", key: str = "") -> None:
    """Serve until the end of the process."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    loop = asyncio.get_running_loop()
    serving = await loop.create_server(Upstream, "127.0.0.1", 0, ssl=context, backlog=2048)
    sys.stdout.write(f"{serving.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await serving.serve_forever()


if __name__ == "__main__":
    run(main(*sys.argv[1:]))
