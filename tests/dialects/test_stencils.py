"""Frames that are alike go by a stencil; nobody can tell, but by the time it takes.

The long way is the same transcoder that never learns a stencil: whatever an upstream says, and
wherever it is cut, the client hears the same and the transcoder knows the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Any
from unittest import mock

import pytest
from alike import BAD, CONTEXTS, ENDS, GOOD, KINDS, frame
from dialogue import (
    CHAT_DONE,
    END,
    PAIRS,
    UNHURRIED,
    Pair,
    begin,
    call,
    chat,
    context,
    delta,
    finish,
    fold,
    start,
    stop,
    text,
)
from hypothesis import given
from hypothesis import strategies as st

from proxy import sse
from proxy.dialects import stencil
from proxy.dialects.chat.reader import ChatReader
from proxy.dialects.messages.reader import MessagesReader
from proxy.dialects.registry import CLIENTS, ENDPOINTS, transcoder
from proxy.dialects.transcoder import Transcoder
from proxy.tokens.scale import Scale

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "array"}}}


@contextmanager
def the_long_way() -> Iterator[None]:
    """Nothing is learned, so every frame is read."""
    with mock.patch.object(stencil, "learn", return_value=None):
        yield


def listen(pair: Pair, chunks: list[bytes], **told: Any) -> tuple[list[bytes], Transcoder]:
    """What the client hears after each chunk, and who told it."""
    reply = transcoder(CLIENTS[pair[0]], ENDPOINTS[pair[1]], context(**told))
    return [*(reply.feed(chunk) for chunk in chunks), reply.close()], reply


def known(reply: Transcoder) -> tuple[object, ...]:
    return reply.phase, reply.usage, reply.failure, reply.stop_reason, reply.repairs


def folded(pair: Pair, heard: list[bytes]) -> Any:
    """The body of a gathered answer; None if a relay passed on what is no JSON."""
    try:
        return fold(pair[0], b"".join(heard))
    except ValueError:
        return None


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def check(pair: Pair, chunks: list[bytes], schemas: bool, **told: Any) -> None:
    """Hold the transcoder against itself on the long way, streaming and gathering."""
    told |= {"schemas": {"f": SCHEMA} if schemas else {}, "scale": Scale(2, 3)}
    with the_long_way():
        plain, reply = listen(pair, chunks, **told)
    then = known(reply)
    heard, reply = listen(pair, chunks, **told)
    assert (heard, known(reply)) == (plain, then)
    gathered, reply = listen(pair, chunks, **told, streams=False)
    assert known(reply) == then
    if reply.phase == "ended" and (body := folded(pair, plain)):
        assert folded(pair, gathered) == body


CASES = [(pair, before, True) for pair in PAIRS for before in range(len(CONTEXTS[pair[1]]))]
CASES += [(PAIRS[0], before, False) for before in range(len(CONTEXTS[PAIRS[0][1]]))]
"""Without schemas only the relay of Messages looks at other frames."""


@pytest.mark.parametrize(("pair", "before", "schemas"), CASES)
def test_every_string_in_every_place(pair: Pair, before: int, schemas: bool) -> None:
    """A stencil is learned from an easy string or from each; then come all others."""
    begun, end = CONTEXTS[pair[1]][before], ENDS[pair[1]]
    for kind in KINDS[pair[1]]:
        easy, other = frame(kind, b"["), frame(kind, b"y")
        after_easy = [each for body in GOOD for each in (easy, easy, frame(kind, body))]
        after_each = [each for body in GOOD for each in (frame(kind, body), other, easy)]
        for frames in (after_easy, after_each):
            check(pair, [*begun, *frames, *end, easy], schemas)
            check(pair, [b"".join([*begun, *frames, *end, easy])], schemas)


@pytest.mark.parametrize("pair", PAIRS)
def test_every_string_that_is_none(pair: Pair) -> None:
    begun, end = CONTEXTS[pair[1]][1], ENDS[pair[1]]
    for kind in KINDS[pair[1]]:
        for body in BAD:
            frames = [*begun, *[frame(kind, b"x")] * 3, frame(kind, body), *end]
            check(pair, frames, schemas=False)
            check(pair, [b"".join(frames)], schemas=False)


def test_pieces_that_were_not_read_are_known_when_the_call_is_complete() -> None:
    """The second call may begin once the arguments of the first are whole."""
    brackets = [*["["] * 4, *["]"] * 4]
    pieces = [chat(call(0, piece)) for piece in ['{"a":', *brackets, "}"]]
    frames = [chat(call(0, "", "f", id="i")), *pieces, chat(call(1, "{}", "g", id="j"))]
    for order in (frames, [frames[0], frames[-1], *frames[1:-1]]):
        for chunks in (order, [b"".join(order)]):
            check(("messages", "openai"), chunks, schemas=False)
            assert b'"name":"g"' in b"".join(listen(("messages", "openai"), chunks)[0])


def test_nothing_is_learned_from_arguments_that_were_mended() -> None:
    """What they were stands elsewhere in what the client is told: it is the model's name."""
    pieces = [delta(1, "input_json_delta", "partial_json", piece) for piece in ['"{}"', "x"]]
    call = start(1, {"type": "tool_use", "id": "i", "name": "f", "input": {}})
    check(("chat", "anthropic"), [begin(), call, *pieces], schemas=True, model='"{}"')


@st.composite
def replies(draw: st.DrawFn, endpoint: str) -> list[bytes]:
    """Stretches of frames that are alike, and what may come between them."""
    frames = list(draw(st.sampled_from(CONTEXTS[endpoint])))
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(KINDS[endpoint]))
        bodies = draw(st.lists(st.sampled_from(GOOD + BAD), min_size=1, max_size=6))
        frames += [frame(kind, body) for body in bodies]
    return frames + draw(st.sampled_from([[], ENDS[endpoint]]))


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(data=st.data(), places=st.lists(st.integers(0, 5000), max_size=5), schemas=st.booleans())
def test_any_reply_cut_anywhere(
    pair: Pair, data: st.DataObject, places: list[int], schemas: bool
) -> None:
    frames = data.draw(replies(pair[1]))
    check(pair, frames, schemas)
    check(pair, cut(b"".join(frames), places), schemas)


REPLIES = {
    "openai": [
        *(chat({"reasoning_content": f"{i} é\n"}) for i in range(300)),
        *(chat({"content": f"{i} é\n"}) for i in range(300)),
        chat(call(0, "", "f", id="i")),
        *(chat(call(0, f"{i} é\n")) for i in range(300)),
        chat({}, "tool_calls"),
        CHAT_DONE,
    ],
    "anthropic": [
        begin(),
        start(0, {"type": "text", "text": ""}),
        *(text(0, f"{i} é\n") for i in range(300)),
        b'event: ping\ndata: {"type": "ping"}\n\n',
        *(text(0, f"{i}\n") for i in range(300)),
        stop(0),
        start(1, {"type": "tool_use", "id": "i", "name": "f", "input": {}}),
        *(delta(1, "input_json_delta", "partial_json", f"{i} é\n") for i in range(300)),
        stop(1),
        finish("tool_use"),
        END,
    ],
}
READERS: Mapping[str, type[ChatReader | MessagesReader]] = {
    "openai": ChatReader,
    "anthropic": MessagesReader,
}


@pytest.mark.parametrize("pair", PAIRS)
def test_what_follows_half_a_frame_is_no_frame(pair: Pair) -> None:
    frames = REPLIES[pair[1]]
    half, alike = frames[150][:-9], frames[151]
    with the_long_way():
        plain, long = listen(pair, [*frames[:150], half, alike])
    told, reply = listen(pair, [*frames[:150], half, alike])
    assert told == plain
    assert known(reply) == known(long)


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("pair", [("messages", "openai"), ("chat", "anthropic")])
def test_frames_alike_are_not_read(pair: Pair, size: int) -> None:
    frames = REPLIES[pair[1]]
    chunks = [b"".join(frames[at : at + size]) for at in range(0, len(frames), size)]
    reader = READERS[pair[1]]
    with mock.patch.object(reader, "read", autospec=True, side_effect=reader.read) as read:
        heard, reply = listen(pair, chunks)
    assert reply.phase == "ended"
    assert read.call_count < 20
    with the_long_way():
        assert listen(pair, chunks)[0] == heard


@pytest.mark.parametrize("pair", PAIRS)
def test_a_gathered_reply_is_told_in_a_few_frames(pair: Pair) -> None:
    stream = b"".join(REPLIES[pair[1]])
    with the_long_way():
        plain, _ = listen(pair, [stream])
    gathered, _ = listen(pair, [stream], streams=False)
    assert b"".join(gathered).count(sse.END) < 60
    assert folded(pair, gathered) == folded(pair, plain)


@pytest.mark.parametrize("together", [False, True])
def test_a_long_frame_is_read(together: bool) -> None:
    """An expression would take memory for each of its escapes."""
    frames = [begin(), start(0, {"type": "text", "text": ""}), *(text(0, "x") for _ in range(9))]
    usual = MessagesReader.read
    with mock.patch.object(MessagesReader, "read", autospec=True, side_effect=usual) as read:
        reply = transcoder(CLIENTS["chat"], ENDPOINTS["anthropic"], context())
        reply.feed(b"".join(frames))
        reads = read.call_count
        long = text(0, "\n" * stencil.LONGEST)
        reply.feed(text(0, "x") + long if together else long)
    assert read.call_count == reads + 1
