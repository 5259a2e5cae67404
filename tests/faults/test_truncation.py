"""An upstream that ends without its terminal event has failed: never a clean end."""

import pytest
from conftest import DATA, Stack
from fault_talk import (
    PAIRS,
    STREAMS,
    Dialect,
    Endpoint,
    begin,
    chunk,
    content,
    ending,
    error_of,
    event,
    request,
    stream_error,
    stream_past,
    streamed_text,
    told,
    verdict,
    whole,
)

from proxy.simulator import Gate, Reply
from proxy.simulator.script import Then

ENDS: tuple[Then, ...] = ("end", "cut")


@pytest.mark.parametrize("then", ENDS)
@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_a_truncated_reply_is_never_a_clean_end(
    stack: Stack, dialect: Dialect, endpoint: Endpoint, streams: bool, then: Then
) -> None:
    """Stream fails or is cut after HTTP 200 and the client sees success."""
    gate = Gate()
    reply = Reply.sse(*begin(endpoint), *content(endpoint, "Half"), gate, then=then)
    stack.script.replies.append(reply)
    if not streams:
        gate.open()
        await error_of(await request(stack, dialect, endpoint), dialect, 502)
        return
    raw = await stream_past(stack, dialect, endpoint, gate)
    assert verdict(dialect, raw) == "error"
    assert streamed_text(raw) == "Half"
    assert stream_error(raw)["code"] in ("upstream_ended_early", "upstream_disconnected")


@pytest.mark.parametrize("then", ENDS)
@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_a_reply_cut_before_content_is_a_status(
    stack: Stack, dialect: Dialect, endpoint: Endpoint, streams: bool, then: Then
) -> None:
    stack.script.replies.append(Reply.sse(*begin(endpoint), then=then))
    response = await request(stack, dialect, endpoint, stream=streams)
    await error_of(response, dialect, 502)


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_cut_after_any_frame_the_end_is_told_truly(
    stack: Stack, dialect: Dialect, endpoint: Endpoint
) -> None:
    """Every prefix of a reply that shows something; one that lacks only `[DONE]` is complete."""
    frames = whole(endpoint)
    shown = len(begin(endpoint)) + len(content(endpoint))
    for length in range(shown, len(frames) + 1):
        gate = Gate()
        reply = Reply.sse(*frames[:shown], gate, *frames[shown:length], then="cut")
        stack.script.replies.append(reply)
        complete = length >= len(frames) - (endpoint == "openai")
        raw = await stream_past(stack, dialect, endpoint, gate)
        if length == len(frames):
            assert verdict(dialect, raw) == "end"
        elif not complete:
            assert verdict(dialect, raw) == "error", length


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("dialect", ["messages", "chat"])
async def test_a_reply_that_lacks_only_done_is_whole(
    stack: Stack, dialect: Dialect, streams: bool
) -> None:
    """Servers forget it; why the reply ended and what it cost has been told."""
    stack.script.replies.append(Reply.sse(*whole("openai")[:-1]))
    response = await request(stack, dialect, "openai", stream=streams)
    if streams:
        assert verdict(dialect, await response.read()) == "end"
        return
    body = await response.json()
    assert body["usage"]["completion_tokens" if dialect == "chat" else "output_tokens"] > 0
    if dialect == "chat":
        assert body["choices"][0]["finish_reason"] == "stop"
    else:
        assert body["stop_reason"] == "end_turn"


@pytest.mark.parametrize("dialect", ["messages", "chat"])
@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("anthropic_stream_truncated_mid_text.sse", "anthropic"),
        ("openai_stream_truncated_no_done.sse", "openai"),
    ],
)
async def test_a01_recorded_truncations(
    stack: Stack, dialect: Dialect, name: str, endpoint: Endpoint
) -> None:
    gate = Gate()
    stack.script.replies.append(Reply.sse((DATA / name).read_bytes(), gate))
    assert verdict(dialect, await stream_past(stack, dialect, endpoint, gate)) == "error"


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_a_network_error_as_a_stop_reason_is_an_error(
    stack: Stack, dialect: Dialect, endpoint: Endpoint, streams: bool
) -> None:
    """In-stream failure shows only as a reason to stop (zai.md 2.2)."""
    gate = Gate()
    end = ending(endpoint, "network_error")
    stack.script.replies.append(Reply.sse(*begin(endpoint), *content(endpoint), gate, *end))
    if streams:
        raw = await stream_past(stack, dialect, endpoint, gate)
        assert verdict(dialect, raw) == "error"
    else:
        gate.open()
        await error_of(await request(stack, dialect, endpoint), dialect, 502)


def only_thinking(endpoint: Endpoint) -> list[bytes]:
    """A reply whose budget went into reasoning."""
    if endpoint == "openai":
        return [chunk({"reasoning_content": "Hm"}), *ending(endpoint, "length")]
    block = {"type": "thinking", "thinking": "", "signature": ""}
    thought = {"type": "thinking_delta", "thinking": "Hm"}
    return [
        event("content_block_start", index=0, content_block=block),
        event("content_block_delta", index=0, delta=thought),
        *ending(endpoint, "max_tokens"),
    ]


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a29_a_budget_spent_on_reasoning_is_not_a_fake_stop(
    stack: Stack, dialect: Dialect, endpoint: Endpoint, streams: bool
) -> None:
    """ "Empty" answers: the reasoning is delivered, and the reason is `length`."""
    stack.script.replies.append(Reply.sse(*begin(endpoint), *only_thinking(endpoint)))
    response = await request(stack, dialect, endpoint, stream=streams)
    raw = await response.read()
    assert response.status == 200
    if streams:
        assert verdict(dialect, raw) == "end"
        text = str(told(raw))
    else:
        text = str(await response.json())
    assert "Hm" in text
    assert ("'max_tokens'" if dialect == "messages" else "'length'") in text
    assert "end_turn" not in text
    assert "'stop'" not in text
