"""The clients, in a process of their own: connections that ask again until enough was asked.

`python -m bench.load` reads one JSON line: port, path, headers, body, connections, requests, ramp
(seconds over which the connections open), holds. It says one JSON line: a `Tally`. With `holds` it
says "held" once every connection has heard something, and keeps them open until it is killed.

It counts replies and looks at their end only: whole replies are examined once a lane, by
`check.py`. Times are of the monotonic clock, which upstream and clients share.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final, cast

from bench.clock import ages, run

_LIMIT_SECONDS: Final = 60.0
_KEPT: Final = 512
_CHUNK_EDGE: Final = re.compile(rb"\r\n[0-9a-fA-F]+\r\n")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_ENDINGS: Final = (b'"message_stop"', b"[DONE]")


@dataclass(slots=True)
class Tally:
    """What became of the requests. `lags` are seconds between sending and arrival of an event."""

    good: int = 0
    bad: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0
    reads: int = 0
    lags: list[float] = field(default_factory=list)


class Load:
    """What all connections share."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.tally = Tally()
        self.left: int = order["requests"]
        self.open = 0
        self.over = asyncio.Event()
        self.heard = asyncio.Semaphore(0)
        body = order["body"].encode()
        lines = [f"POST {order['path']} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in order["headers"].items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
        self.request = "\r\n".join(lines).encode() + body


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._head = bytearray()
        self._missing = -1
        self._tail = b""
        self._in_head = True
        self._asking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._load.open += 1
        self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._asking:
            self._load.tally.bad.append("closed within a reply")
        self._load.open -= 1
        if not self._load.open:
            self._load.over.set()

    def _ask(self) -> None:
        self._head.clear()
        self._missing, self._tail, self._in_head = -1, b"", True
        self._asking = self._load.left > 0
        if not self._asking:
            self._transport.close()
            return
        self._load.left -= 1
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._load.tally.reads += 1
        if self._in_head:
            data = self._read_head(data)
            if self._in_head:
                return
            self._load.heard.release()
        if self._missing >= 0:
            self._missing -= len(data)
            if not self._missing:
                self._ended(well=True)
            return
        self._load.tally.lags += ages(data)
        self._tail = (self._tail + data)[-_KEPT:]
        if self._tail.endswith(_LAST_CHUNK):
            tail = _CHUNK_EDGE.sub(b"", self._tail)
            self._ended(well=any(ending in tail for ending in _ENDINGS))

    def _read_head(self, data: bytes) -> bytes:
        """Take in the head; what follows it."""
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return b""
        self._in_head = False
        if length := _LENGTH.search(self._head, 0, end + 2):
            self._missing = int(length[1])
        return bytes(self._head[end + 4 :])

    def _ended(self, *, well: bool) -> None:
        if well and self._head.startswith(b"HTTP/1.1 200"):
            self._load.tally.good += 1
        else:
            self._load.tally.bad.append(bytes(self._head[:300]).decode("utf-8", "replace"))
        self._ask()


async def obey(order: dict[str, Any]) -> None:
    """Do what the order says."""
    load = Load(order)
    loop = asyncio.get_running_loop()
    begun = time.monotonic()
    count = min(order["connections"], order["requests"])
    for number in range(count):
        await asyncio.sleep(max(0.0, begun + order["ramp"] * number / count - time.monotonic()))
        await loop.create_connection(lambda: Client(load), "127.0.0.1", order["port"])
    if order["holds"]:
        for _ in range(count):
            await load.heard.acquire()
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
    async with asyncio.timeout(_LIMIT_SECONDS):
        await load.over.wait()
    load.tally.seconds = time.monotonic() - begun
    load.tally.cpu = time.process_time()
    sys.stdout.write(json.dumps(asdict(load.tally)) + "\n")


if __name__ == "__main__":
    run(obey(json.loads(sys.stdin.readline())))
