"""Every recorded stream, cut anywhere and with any line ending, tells the client the same.

Row 9 of acceptance.md: the bytes of each sample are split at every offset, also inside characters.
"""

import pytest
from dialogue import DATA, PAIRS, Heard, Pair, chunks, fold, hear, said, samples

from proxy.routing import EndpointName

PREFIX: dict[EndpointName, str] = {"anthropic": "anthropic", "openai": "openai"}
CASES = [(pair, name) for pair in PAIRS for name in samples(PREFIX[pair[1]])]
IDS = [f"{client}-{name}" for (client, _), name in CASES]
BROKEN = {
    "anthropic_stream_error_200_bare.sse": "1302",
    "anthropic_stream_error_200_event.sse": "1302",
    "anthropic_stream_error_200_openai_style.sse": "1305",
    "anthropic_stream_context_exceeded_200.sse": "context_length_exceeded",
    "anthropic_stream_network_error_inferred.sse": "upstream_network_error",
    "anthropic_stream_truncated_mid_text.sse": "upstream_ended_early",
    "openai_stream_error_200.sse": "1305",
    "openai_stream_finish_model_context_window_exceeded_inferred.sse": "context_length_exceeded",
    "openai_stream_finish_network_error_inferred.sse": "upstream_network_error",
    "openai_stream_truncated_no_done.sse": "upstream_ended_early",
}
ENDINGS = [b"\n", b"\r\n", b"\r"]


def sample(name: str) -> bytes:
    """The recording with some text in it that is not ASCII."""
    return (DATA / name).read_bytes().replace(b"ier", "ïer😀".encode())


def same(heard: Heard) -> tuple[object, ...]:
    return heard.out, heard.phase, heard.usage, heard.failure, heard.stop_reason


@pytest.mark.parametrize(("pair", "name"), CASES, ids=IDS)
def test_a09_split_at_every_offset(pair: Pair, name: str) -> None:
    stream = sample(name)
    whole = same(hear(pair, stream))
    for place in range(1, len(stream)):
        assert same(hear(pair, *chunks(stream, place))) == whole, place


@pytest.mark.parametrize("ending", ENDINGS, ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(("pair", "name"), CASES, ids=IDS)
def test_a09_byte_by_byte_with_any_line_ending(pair: Pair, name: str, ending: bytes) -> None:
    stream = sample(name)
    whole = same(hear(pair, stream))
    other = b"\xef\xbb\xbf" + stream.replace(b"\n", ending)
    assert same(hear(pair, *(bytes([byte]) for byte in other))) == whole
    assert same(hear(pair, other)) == whole
    assert same(hear(pair, other.removesuffix(ending))) == whole


@pytest.mark.parametrize(("pair", "name"), CASES, ids=IDS)
def test_a01_a_recording_ends_or_fails_as_it_should(pair: Pair, name: str) -> None:
    heard = hear(pair, sample(name))
    if name in BROKEN:
        assert heard.phase == "failed"
        assert heard.failure is not None
        assert heard.failure.code == BROKEN[name]
        assert b"[DONE]" not in heard.out
        assert b"message_stop" not in heard.out
        assert b"end_turn" not in heard.out
    else:
        assert heard.phase == "ended"
        assert heard.failure is None
        last = said(heard.out)[-1]
        assert last == ("[DONE]" if pair[0] == "chat" else {"type": "message_stop"})
        assert fold(pair[0], heard.out)["model"] == "asked-model"


@pytest.mark.parametrize(("pair", "name"), CASES, ids=IDS)
def test_a_reply_that_is_gathered_is_the_one_that_streams(pair: Pair, name: str) -> None:
    streamed, gathered = hear(pair, sample(name)), hear(pair, sample(name), streams=False)
    assert (gathered.phase, gathered.usage) == (streamed.phase, streamed.usage)
    assert len(gathered.out) <= len(streamed.out)
    if gathered.phase == "ended":
        assert fold(pair[0], gathered.out) == fold(pair[0], streamed.out)


@pytest.mark.parametrize(("pair", "name"), CASES, ids=IDS)
def test_a01_a_recording_cut_short_never_ends_well_too_soon(pair: Pair, name: str) -> None:
    """Only a prefix that holds the upstream's own end counts as a whole reply."""
    stream = sample(name)
    if name in BROKEN:
        return
    end = b'"finish_reason"' if pair[1] == "openai" else b'{"type":"message_stop"'
    ends = stream.rindex(end) if end in stream else stream.rindex(b'{"type": "message_stop"')
    whole = hear(pair, stream)
    for place in range(0, len(stream), 7):
        heard = hear(pair, stream[:place])
        assert heard.phase == "failed" or place > ends
        if heard.phase == "ended":
            assert heard.usage == whole.usage
        else:
            assert heard.failure is not None
            assert heard.failure.code == "upstream_ended_early"
