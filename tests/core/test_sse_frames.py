"""Frames: the same run of bytes comes out, whatever the line endings and wherever it was cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy import sse
from proxy.sse import FrameSplitter, FrameTooLargeError

STREAM = (
    b": hello\n\n"
    b'event: message_start\ndata: {"type":"message_start"}\n\n'
    b"data: one\ndata: two\n\n"
    b"id: 7\ndata:no space\nretry: 10\n\n"
    b"data: gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80\n\n"
    b"data: [DONE]\n\n"
)
BOM = b"\xef\xbb\xbf"
ENDINGS = [b"\n", b"\r\n", b"\r"]


def run_of(*chunks: bytes, limit: int = 1_000_000) -> bytes:
    splitter = FrameSplitter(limit)
    return b"".join([*(splitter.feed(chunk) for chunk in chunks), splitter.close()])


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("bom", [b"", BOM])
def test_every_cut_gives_the_same_frames(ending: bytes, bom: bytes) -> None:
    stream = bom + STREAM.replace(b"\n", ending)
    for place in range(len(stream) + 1):
        assert run_of(stream[:place], stream[place:]) == STREAM
    assert run_of(*(bytes([byte]) for byte in stream)) == STREAM


@settings(deadline=None)
@given(
    lines=st.lists(st.sampled_from(["data: a", "data:b", ": c", "event: x", "", ""]), max_size=12),
    endings=st.lists(st.sampled_from(ENDINGS), min_size=12, max_size=12),
    places=st.lists(st.integers(0, 200), max_size=8),
    bom=st.booleans(),
)
def test_any_chunking_of_any_mixture_gives_the_same_frames(
    lines: list[str], endings: list[bytes], places: list[int], bom: bool
) -> None:
    mixed = zip(lines, endings, strict=False)
    stream = (BOM if bom else b"") + b"".join(line.encode() + end for line, end in mixed)
    whole = run_of(stream)
    assert run_of(*cut(stream, places)) == whole
    assert run_of(*(bytes([byte]) for byte in stream)) == whole
    assert b"\n\n\n" not in whole
    assert not whole.startswith(b"\n")


def test_only_complete_frames_are_handed_on() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"data: a\n\ndata: b") == b"data: a\n\n"
    assert splitter.feed(b"c\n") == b""
    assert splitter.feed(b"\ndata: d") == b"data: bc\n\n"
    assert splitter.close() == b"data: d\n\n"
    assert splitter.close() == b""


def test_a_missing_last_blank_line_is_forgiven() -> None:
    assert run_of(b"data: a\n\ndata: b\n") == b"data: a\n\ndata: b\n\n"
    assert run_of(b"data: a\r\n\r\ndata: b\r") == b"data: a\n\ndata: b\n\n"


def test_superfluous_blank_lines_vanish() -> None:
    assert run_of(b"\n\n\ndata: a\n\n\n\n", b"\n", b"data: b\n\n") == b"data: a\n\ndata: b\n\n"


def test_a_bom_counts_only_at_the_start() -> None:
    assert run_of(b"\xef", b"\xbb", b"\xbfdata: a\n\n") == b"data: a\n\n"
    assert run_of(b"", b"\xef\xbbdata: a\n\n") == b"\xef\xbbdata: a\n\n"
    assert run_of(b"data: a\n\n" + BOM + b"data: b\n\n").endswith(BOM + b"data: b\n\n")


@pytest.mark.parametrize("chunks", [[b"data: " + b"x" * 50], [b"data: ", b"x" * 30, b"x" * 30]])
def test_an_endless_frame_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(FrameTooLargeError, match="40 bytes"):
        run_of(*chunks, limit=40)


def test_the_limit_is_for_one_frame_not_for_the_stream() -> None:
    assert len(run_of(*[b"data: 0123456789\n\n"] * 100, limit=40)) == 1800


@pytest.mark.parametrize(
    ("frame", "data", "event"),
    [
        (b"data: x", b"x", b""),
        (b"data:x", b"x", b""),
        (b"data:  x", b" x", b""),
        (b"data", b"", b""),
        (b"event: e\ndata: x", b"x", b"e"),
        (b"data: x\nevent: e", b"x", b"e"),
        (b"event: a\nevent: b\ndata: x", b"x", b"b"),
        (b"data: x\ndata: y", b"x\ny", b""),
        (b"data: x\ndata\ndata:", b"x\n\n", b""),
        (b": data: x", b"", b""),
        (b"database: x", b"", b""),
        (b"id: 1\ndata: x: data: y", b"x: data: y", b""),
        (b"event: data: x", b"", b"data: x"),
        (b"", b"", b""),
    ],
)
def test_fields_are_read_as_the_standard_says(frame: bytes, data: bytes, event: bytes) -> None:
    assert sse.data_of(frame) == data
    assert sse.event_of(frame) == event


@settings(deadline=None)
@given(st.binary(max_size=20).filter(lambda data: b"\n" not in data and b"\r" not in data))
def test_what_is_written_is_read_again(data: bytes) -> None:
    for name in (b"", b"ping"):
        (frame,) = sse.frames(run_of(sse.frame(data, name)))
        assert (sse.data_of(frame), sse.event_of(frame)) == (data, name)
    (comment,) = sse.frames(run_of(sse.comment(b"still here")))
    assert sse.data_of(comment) == b""


@pytest.mark.parametrize("begun", [b"data: x", b"da", b"event", b": x", b"x: 1\nid: 2", b"retry:1"])
def test_a_frame_may_be_cut_and_still_be_one(begun: bytes) -> None:
    assert sse.is_frame(begun + sse.END)


@pytest.mark.parametrize("text", [b'{"error":{"code":"1305"}}', b"<html>", b"Bad gateway"])
def test_text_that_is_no_event_stream_is_no_frame(text: bytes) -> None:
    assert not sse.is_frame(text + sse.END)


FRAMES = [
    b"data: {}\n\n",
    b"event: ping\ndata: {}\n\n",
    b"data: one\ndata: two\n\n",
    b"event: a\ndata: one\ndata: two\n\n",
    b"id: 7\ndata: x\n\n",
    b"data:tight\n\n",
    b"data: \n\n",
    b"data\n\n",
    b": data: no\n\n",
    b"no data: x\n\n",
    b"event: data: x\n\n",
    b"event: e\ndata: x\nevent: f\n\n",
]


@given(st.lists(st.sampled_from(FRAMES), max_size=6))
def test_payloads_are_the_data_of_each_frame(frames: list[bytes]) -> None:
    run = b"".join(frames)
    assert sse.payloads(run) == [data for each in sse.frames(run) if (data := sse.data_of(each))]


@given(st.lists(st.sampled_from(FRAMES), max_size=6), st.integers(1, 60))
def test_pieces_are_whole_frames_in_order(frames: list[bytes], size: int) -> None:
    run = b"".join(frames)
    pieces = sse.pieces(run, size)
    assert b"".join(pieces) == run
    for piece in pieces:
        assert piece.endswith(sse.END)
        assert len(piece) <= size or len(sse.frames(piece)) == 1
