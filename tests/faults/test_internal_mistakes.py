"""A mistake of our own is told like any other failure: as a status, or as an in-stream error."""

import pytest
from conftest import Stack
from fault_talk import (
    DIALECTS,
    STREAMS,
    Dialect,
    begin,
    content,
    ending,
    error_of,
    request,
    stream_past,
    verdict,
)

from proxy.dialects.transcoder import Transcoder
from proxy.simulator import Gate, Reply


class DeliberateError(Exception):
    """Something nobody thought of."""


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a01_before_the_commit_it_is_a_500(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, dialect: Dialect, streams: bool
) -> None:
    def broken(self: Transcoder, chunk: bytes) -> bytes:
        raise DeliberateError

    monkeypatch.setattr(Transcoder, "feed", broken)
    response = await request(stack, dialect, stream=streams)
    error = await error_of(response, dialect, 500)
    assert "DeliberateError" in error["message"]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a01_after_the_commit_it_is_an_error_of_the_stream(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, dialect: Dialect
) -> None:
    """A second status line in the middle of a body would be neither."""
    sound = Transcoder.feed

    def broken(self: Transcoder, chunk: bytes) -> bytes:
        if self.phase == "streaming":
            raise DeliberateError
        return sound(self, chunk)

    monkeypatch.setattr(Transcoder, "feed", broken)
    gate = Gate()
    first = (*begin("anthropic"), *content("anthropic"))
    stack.script.replies.append(Reply.sse(*first, gate, *ending("anthropic")))
    raw = await stream_past(stack, dialect, "anthropic", gate)
    assert b"HTTP/1.1" not in raw
    assert verdict(dialect, raw) == "error"
