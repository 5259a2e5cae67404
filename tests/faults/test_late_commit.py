"""The status line waits for the first real event: before it a failure is a real status.

The proof that nothing was told too early is the status itself: a client that had its 200 could not
be told 429 any more.
"""

import asyncio

import pytest
from conftest import Stack, StackFactory
from fault_talk import (
    HEADERS,
    PAIRS,
    PATHS,
    STREAMS,
    WAIT_SECONDS,
    Dialect,
    Endpoint,
    answered_text,
    ask,
    begin,
    chunk,
    content,
    ending,
    error_frame,
    error_of,
    event,
    hurry_watchdog,
    request,
    streamed_text,
    until,
    verdict,
    whole,
)

from proxy.dialects.transcoder import Transcoder
from proxy.simulator import Gate, Reply
from proxy.upstream import retry

COMMENT = b": keep-alive\n\n"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_SECONDS", 0.001)
    hurry_watchdog(monkeypatch)


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_the_opening_frames_do_not_commit(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, dialect: Dialect, endpoint: Endpoint
) -> None:
    """`message_start`, `ping` and an empty role chunk say nothing that could be used."""
    fed: list[bytes] = []
    feed = Transcoder.feed

    def noting(self: Transcoder, data: bytes) -> bytes:
        fed.append(data)
        return feed(self, data)

    monkeypatch.setattr(Transcoder, "feed", noting)
    gate = Gate()
    reply = Reply.sse(*begin(endpoint), gate, error_frame(endpoint, "1302"))
    stack.script.replies.append(reply)
    asked = asyncio.create_task(request(stack, dialect, endpoint, stream=True))
    await gate.reached()
    await until(lambda: len(b"".join(fed)) == len(b"".join(begin(endpoint))))
    assert not asked.done()
    gate.open()
    error = await error_of(await asked, dialect, 429)
    assert error["code"] == "1302"


TOOL = {"type": "tool_use", "id": "call_1", "name": "look", "input": {}}
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look"}}
FIRST_EVENTS: list[tuple[Endpoint, str, bytes]] = [
    ("anthropic", "a text block", content("anthropic")[0]),
    ("anthropic", "a tool block", event("content_block_start", index=0, content_block=TOOL)),
    (
        "anthropic",
        "a stop reason",
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 1}),
    ),
    ("openai", "text", content("openai")[0]),
    ("openai", "reasoning", chunk({"reasoning_content": "Hm"})),
    ("openai", "a tool call", chunk({"tool_calls": [CALL]})),
]


@pytest.mark.parametrize("dialect", ["messages", "chat"])
@pytest.mark.parametrize(("endpoint", "what", "first"), FIRST_EVENTS)
async def test_a31_the_first_real_event_commits(
    stack: Stack, dialect: Dialect, endpoint: Endpoint, what: str, first: bytes
) -> None:
    """It is not held any longer than that: the headers are there while the upstream still waits."""
    gate = Gate()
    stack.script.replies.append(Reply.sse(*begin(endpoint), first, gate, *ending(endpoint)))
    body = ask(endpoint, stream=True)
    async with (
        asyncio.timeout(WAIT_SECONDS),
        stack.session.post(stack.url + PATHS[dialect], json=body, headers=HEADERS) as response,
    ):
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        await gate.reached()
        gate.open()
        await response.read()


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_a_commit_by_timer_says_nothing_and_leaves_a_retry_possible(
    start_stack: StackFactory, dialect: Dialect, endpoint: Endpoint
) -> None:
    """After the hold time only comments are sent, so the second attempt's answer is a whole one."""
    stack = await start_stack(hold_seconds=0.0, retry_seconds=60.0)
    gate = Gate()
    refused = Reply.sse(*begin(endpoint), gate, error_frame(endpoint, "1302"))
    stack.script.replies += [refused, Reply.sse(*whole(endpoint, "Second"))]
    body = ask(endpoint, stream=True)
    async with (
        asyncio.timeout(WAIT_SECONDS),
        stack.session.post(stack.url + PATHS[dialect], json=body, headers=HEADERS) as response,
    ):
        assert response.status == 200
        first = await response.content.readuntil(b"\n\n")
        assert first == COMMENT
        gate.open()
        raw = await response.read()
    assert verdict(dialect, raw.replace(COMMENT, b"")) == "end"
    assert streamed_text(raw) == "Second"
    assert raw.count(b"message_start") <= 2  # its name and its type, once
    assert len(stack.script.requests) == 2


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_an_error_after_a_commit_by_timer_is_told_in_the_stream(
    start_stack: StackFactory, dialect: Dialect, endpoint: Endpoint
) -> None:
    """A status is no longer possible; a clean end would be a lie."""
    stack = await start_stack(hold_seconds=0.0)
    gate = Gate()
    reply = Reply.sse(*begin(endpoint), gate, error_frame(endpoint, "1302"))
    stack.script.replies.append(reply)
    body = ask(endpoint, stream=True)
    async with (
        asyncio.timeout(WAIT_SECONDS),
        stack.session.post(stack.url + PATHS[dialect], json=body, headers=HEADERS) as response,
    ):
        assert await response.content.readuntil(b"\n\n") == COMMENT
        gate.open()
        raw = await response.read()
    assert verdict(dialect, raw) == "error"


@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_a01_a_whole_answer_holds_its_status_until_it_is_whole(
    stack: Stack, dialect: Dialect, endpoint: Endpoint
) -> None:
    """Also content does not commit where the client did not ask for a stream."""
    reply = Reply.sse(*begin(endpoint), *content(endpoint), error_frame(endpoint, "1305"))
    stack.script.replies.append(reply)
    status = {"messages": 529, "chat": 503}[dialect]
    await error_of(await request(stack, dialect, endpoint, stream=False), dialect, status)


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize(("dialect", "endpoint"), PAIRS)
async def test_the_frames_of_this_file_are_a_good_answer(
    stack: Stack, dialect: Dialect, endpoint: Endpoint, streams: bool
) -> None:
    """Else all the tests above would prove nothing."""
    stack.script.replies.append(Reply.sse(*whole(endpoint, "Fine")))
    response = await request(stack, dialect, endpoint, stream=streams)
    assert response.status == 200
    if streams:
        raw = await response.read()
        assert verdict(dialect, raw) == "end"
        assert streamed_text(raw) == "Fine"
    else:
        assert answered_text(await response.json()) == "Fine"
