"""The counter: what it remembers, and that it counts beside the event loop."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from proxy.tokens.counter import AT_ONCE, CACHED_LENGTH, CountCache, TokenCounter
from proxy.tokens.tokenizer import count_tokens


class Spy:
    """The tokenizer, writing down which texts it was asked for."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.texts += texts
        return count_tokens(texts)


def long_text(topic: str) -> str:
    text = f"The {topic} pier is open at high tide. " * 20
    assert len(text) >= CACHED_LENGTH
    return text


def conversation(*topics: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    turns = [
        {"role": roles[index % 2], "content": [{"type": "text", "text": long_text(topic).strip()}]}
        for index, topic in enumerate(topics)
    ]
    return {"system": long_text("first"), "messages": turns}


def test_text_of_earlier_turns_is_not_tokenized_again() -> None:
    spy = Spy()
    counter = TokenCounter(spy)
    first = counter.count(conversation("north", "east"), "glm-4.7")
    spy.texts.clear()

    assert counter.count(conversation("north", "east"), "glm-4.7") == first
    assert spy.texts == []

    second = counter.count(conversation("north", "east", "south"), "glm-4.7")
    assert spy.texts == [long_text("south").strip()]
    assert second == TokenCounter().count(conversation("north", "east", "south"), "glm-4.7")


def test_a_text_that_differs_by_one_character_is_counted() -> None:
    spy = Spy()
    counter = TokenCounter(spy)
    for text in (long_text("east"), long_text("easy"), long_text("east")):
        counter.count({"system": text, "messages": []}, "glm-4.7")
    assert spy.texts == [long_text("east"), long_text("easy")]


def test_short_texts_are_not_kept() -> None:
    cache = CountCache()
    counter = TokenCounter(cache=cache)
    counter.count({"system": "x" * (CACHED_LENGTH - 1), "messages": []}, "glm-4.7")
    assert len(cache) == 0
    counter.count({"system": "x" * CACHED_LENGTH, "messages": []}, "glm-4.7")
    assert len(cache) == 1


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = CountCache(entries=2)
    north, east, south = 1, 2, 3
    cache.put({north: 10, east: 20})
    assert cache.get([north]) == [10]
    cache.put({south: 30})
    assert cache.get([north, east, south]) == [10, None, 30]
    assert len(cache) == 2


def test_lone_surrogates_count_in_long_and_short_text() -> None:
    counter = TokenCounter()
    for text in ("\ud800", long_text("east") + "\udfff"):
        bare = {"system": text.replace("\ud800", "?").replace("\udfff", "?"), "messages": []}
        assert counter.count({"system": text, "messages": []}, "glm-4.7") == counter.count(
            bare, "glm-4.7"
        )


def test_all_threads_count_the_same() -> None:
    request = conversation(*(f"{number}th" for number in range(40)))
    expected = TokenCounter().count(request, "glm-4.7")
    counter = TokenCounter(cache=CountCache(entries=8))
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: counter.count(request, "glm-4.7"), range(64)))
    assert counts == [expected] * 64


async def test_count_async_leaves_the_event_loop_free() -> None:
    """The tokenizer waits here for something that only the running loop can do."""
    released = threading.Event()
    threads: list[int] = []

    def waiting(texts: Sequence[str]) -> list[int]:
        threads.append(threading.get_ident())
        assert released.wait(timeout=30)
        return count_tokens(texts)

    counter = TokenCounter(waiting)
    counting = asyncio.create_task(counter.count_async(conversation("east"), "glm-4.7", 1_000))
    await asyncio.sleep(0)
    assert not counting.done()
    released.set()
    assert await counting == TokenCounter().count(conversation("east"), "glm-4.7")
    assert threads == [threads[0]]
    assert threads[0] != threading.get_ident()
    counter.close()


async def test_what_is_short_is_counted_where_it_is_asked_once_the_vocabulary_is_there() -> None:
    threads: list[int] = []

    def telling(texts: Sequence[str]) -> list[int]:
        threads.append(threading.get_ident())
        return count_tokens(texts)

    counter, here = TokenCounter(telling), threading.get_ident()
    for size in (1_000, 1_000, AT_ONCE + 1):
        await counter.count_async({"system": "Hi"}, "glm-4.7", size)
    counter.close()
    assert [thread == here for thread in threads] == [False, True, False]


async def test_a_closed_counter_refuses_to_count_beside_the_loop() -> None:
    counter = TokenCounter()
    counter.close()
    with pytest.raises(RuntimeError):
        await counter.count_async({"messages": []}, "glm-4.7", 20)


def test_a_megabyte_in_every_kind_of_block_is_counted_at_once() -> None:
    text = long_text("east") * 1_400
    request = {
        "system": text,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": text}]},
            {"role": "assistant", "content": [{"type": "tool_use", "input": {"note": text}}]},
            {"role": "user", "content": [{"type": "tool_result", "content": text}]},
        ],
        "tools": [{"name": "tide", "description": text, "input_schema": {}}],
    }
    spy = Spy()
    counter = TokenCounter(spy)
    assert counter.count(request, "glm-4.7") >= 5 * count_tokens([text])[0]
    assert sum(map(len, spy.texts)) >= 5_000_000


def test_json_is_remembered_apart_from_the_text_that_it_is_written_as() -> None:
    """The model is shown the one with spaces, four here, and the other as it is."""
    value = {"note": [long_text("east"), 1, 2, 3]}
    counter = TokenCounter(lambda texts: [len(text) for text in texts])

    def counted(argument: object) -> int:
        block = {"type": "tool_use", "name": "f", "input": {"k": argument}}
        return counter.count({"messages": [{"role": "assistant", "content": [block]}]}, "glm-4.7")

    text = counted(msgspec.json.encode(value).decode())
    assert [counted(value), counted(value)] == [text + 4, text + 4]
