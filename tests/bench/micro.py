"""Micro benchmarks of the sans-IO core, in ns per event; `make test` does not collect this file.

Each takes one whole reply of the simulator, 500 deltas in the reads of 16 KB (paced: in reads of
one frame), or what became of it one step before. `make bench ARGS='--only micro'` makes a table.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.lanes import HEADERS, LANES
from bench.targets import UPSTREAM_PATHS
from bench.upstream import answer
from proxy import sse
from proxy.dialects.chat.reader import ChatReader
from proxy.dialects.chat.relay import ChatRelay
from proxy.dialects.chat.writer import ChatWriter
from proxy.dialects.events import Event
from proxy.dialects.messages.reader import MessagesReader
from proxy.dialects.messages.relay import MessagesRelay
from proxy.dialects.messages.writer import MessagesWriter
from proxy.dialects.registry import CLIENTS, ENDPOINTS, transcoder
from proxy.dialects.transcoder import ReplyContext, Transcoder
from proxy.dialects.translation import Reader, Writer
from proxy.errors import DialectName
from proxy.routing import EndpointName
from proxy.tokens.counter import TokenCounter
from proxy.tokens.scale import Scale
from proxy.tokens.usage import Usage
from proxy.upstream.chunked import ChunkedBody

_READ: Final = 16 * 1024
_LARGE_READ: Final = 64 * 1024
"""What a read of a body brings at most when it comes in one burst."""

CONTEXT: Final = ReplyContext("glm-4.5", Scale.between(128_000, 200_000), 128_000, 0, "req_1")


def reply(endpoint: EndpointName) -> bytes:
    """The frames of a reply of 500 deltas, as one run."""
    lane = next(each for each in LANES if each.endpoint == endpoint and each.kind == "burst")
    headers = HEADERS["messages"] | HEADERS["chat"]
    plan = answer(UPSTREAM_PATHS[endpoint], headers, lane.body("glm-4.5").encode())
    chunks = plan.opening.partition(b"\r\n\r\n")[2].split(b"\r\n")
    run = b"".join(chunks[1::2])
    assert run.count(sse.END) == lane.events
    return run


RUNS: Final[dict[EndpointName, bytes]] = {
    "anthropic": reply("anthropic"),
    "openai": reply("openai"),
}
READS: Final = {
    endpoint: [run[at : at + _READ] for at in range(0, len(run), _READ)]
    for endpoint, run in RUNS.items()
}
PAYLOADS: Final = {endpoint: sse.payloads(run) for endpoint, run in RUNS.items()}
READERS: Final[dict[EndpointName, Callable[[], Reader]]] = {
    "anthropic": MessagesReader,
    "openai": lambda: ChatReader("req_1"),
}
RELAYS: Final[dict[EndpointName, Callable[[ReplyContext], Transcoder]]] = {
    "anthropic": MessagesRelay,
    "openai": ChatRelay,
}

both = pytest.mark.parametrize("endpoint", ["anthropic", "openai"])


def per(benchmark: BenchmarkFixture, unit: str, count: int, call: Callable[[], Any]) -> None:
    """Time `call`, which works on so many units."""
    benchmark(call)
    assert benchmark.stats
    nanoseconds = benchmark.stats.stats.median / count * 1e9
    benchmark.extra_info.update({"unit": unit, "ns": round(nanoseconds, 1)})


@both
def test_chunked_body(benchmark: BenchmarkFixture, endpoint: EndpointName) -> None:
    frames = sse.frames(RUNS[endpoint])
    wire = b"".join(b"%x\r\n%b\n\n\r\n" % (len(frame) + 2, frame) for frame in frames)
    reads = [wire[at : at + _LARGE_READ] for at in range(0, len(wire), _LARGE_READ)]

    def decode() -> None:
        body = ChunkedBody()
        for read in reads:
            body.feed(read)

    per(benchmark, "event", len(frames), decode)


@both
def test_frame_splitter(benchmark: BenchmarkFixture, endpoint: EndpointName) -> None:
    def split() -> None:
        splitter = sse.FrameSplitter()
        for read in READS[endpoint]:
            splitter.feed(read)

    per(benchmark, "event", len(PAYLOADS[endpoint]), split)


@both
def test_payloads(benchmark: BenchmarkFixture, endpoint: EndpointName) -> None:
    run = RUNS[endpoint]
    per(benchmark, "event", len(PAYLOADS[endpoint]), lambda: sse.payloads(run))


@both
def test_reader(benchmark: BenchmarkFixture, endpoint: EndpointName) -> None:
    payloads = PAYLOADS[endpoint]

    def read() -> None:
        reader = READERS[endpoint]()
        for data in payloads:
            reader.read(data)

    per(benchmark, "event", len(payloads), read)


@pytest.mark.parametrize("writer", [MessagesWriter, ChatWriter])
def test_writer(benchmark: BenchmarkFixture, writer: Callable[[ReplyContext], Writer]) -> None:
    reader = MessagesReader()
    events: list[Event] = [each for data in PAYLOADS["anthropic"] for each in reader.read(data)]
    usage = Usage(input=100, output=500)

    def write() -> bytes:
        out: list[bytes] = []
        dialect = writer(CONTEXT)
        for event in events:
            dialect.write(event, usage, out)
        return b"".join(out)

    per(benchmark, "event", len(events), write)


def run_through(reply: Transcoder, reads: list[bytes]) -> None:
    for read in reads:
        reply.feed(read)
    assert reply.phase == "ended"


@both
def test_relay(benchmark: BenchmarkFixture, endpoint: EndpointName) -> None:
    make, reads = RELAYS[endpoint], READS[endpoint]
    per(benchmark, "event", len(PAYLOADS[endpoint]), lambda: run_through(make(CONTEXT), reads))


@both
def test_transcoder(benchmark: BenchmarkFixture, endpoint: EndpointName) -> None:
    client = CLIENTS["chat" if endpoint == "anthropic" else "messages"]

    def transcode() -> None:
        run_through(transcoder(client, ENDPOINTS[endpoint], CONTEXT), READS[endpoint])

    per(benchmark, "event", len(PAYLOADS[endpoint]), transcode)


@pytest.mark.parametrize("client", ["messages", "chat"])
@both
def test_paced(benchmark: BenchmarkFixture, endpoint: EndpointName, client: DialectName) -> None:
    frames = [frame + sse.END for frame in sse.frames(RUNS[endpoint])]

    def transcode() -> None:
        run_through(transcoder(CLIENTS[client], ENDPOINTS[endpoint], CONTEXT), frames)

    per(benchmark, "event", len(frames), transcode)


@pytest.mark.parametrize("told", ["new", "remembered"])
def test_token_counter(benchmark: BenchmarkFixture, told: str) -> None:
    lane = next(each for each in LANES if each.name == "big-mm")
    request = json.loads(lane.body("glm-4.5"))
    request["messages"] = request["messages"][:20]
    counter = TokenCounter()
    tokens = counter.count(request, "glm-4.5")

    def count() -> int:
        return (counter if told == "remembered" else TokenCounter()).count(request, "glm-4.5")

    per(benchmark, "prompt token", tokens, count)
