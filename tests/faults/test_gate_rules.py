"""The gate of a key, without sockets: what it lets through, in which order, and what it learns."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import GatewayError
from proxy.upstream.gate import QUEUE_LIMIT, Gate, Gates


async def let_run() -> None:
    """Let everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


async def filled(gate: Gate, count: int) -> None:
    for _ in range(count):
        await gate.enter()


async def test_it_is_open_until_the_first_refusal() -> None:
    gate = Gate()
    await filled(gate, 200)
    assert (gate.active, gate.waiting, gate.limit) == (200, 0, None)


async def test_a_refusal_makes_a_limit_of_what_was_open() -> None:
    """Ten were open and one was refused: nine fit."""
    gate = Gate()
    await filled(gate, 10)
    gate.refused(0.0)
    assert gate.limit == 9


async def test_each_further_refusal_lowers_it_and_one_is_always_let_in() -> None:
    gate = Gate()
    await filled(gate, 4)
    for expected in (3, 2, 1, 1, 1):
        gate.refused(0.0)
        gate.leave()
        gate.active += 1
        assert gate.limit == min(expected, max(1, gate.limit or 0))
    for _ in range(4):
        gate.leave()
    await asyncio.wait_for(gate.enter(), 1)


async def test_it_grows_after_calm_and_only_if_needed() -> None:
    gate = Gate()
    await filled(gate, 3)
    gate.refused(0.0)
    gate.leave()
    assert (gate.limit, gate.active) == (2, 2)
    gate.succeeded(59.0)
    assert gate.limit == 2
    gate.succeeded(60.0)
    assert gate.limit == 3
    gate.succeeded(119.0)
    assert gate.limit == 3, "once a minute"
    gate.succeeded(1_000.0)
    assert gate.limit == 3, "two of three places were enough"


async def test_who_waits_comes_in_order() -> None:
    gate = Gate(1, adaptive=False)
    order: list[int] = []

    async def visitor(number: int) -> None:
        await gate.enter()
        order.append(number)

    await gate.enter()
    tasks = []
    for number in range(10):
        tasks.append(asyncio.create_task(visitor(number)))
        await let_run()
    for _ in range(10):
        gate.leave()
        await let_run()
    assert order == list(range(10))
    await asyncio.gather(*tasks)


async def test_nobody_overtakes_the_queue() -> None:
    """A place that is free while others wait belongs to them."""
    gate = Gate(1, adaptive=False)
    await gate.enter()
    first = asyncio.create_task(gate.enter())
    await let_run()
    gate.leave()
    second = asyncio.create_task(gate.enter())
    await let_run()
    assert first.done()
    assert not second.done()
    gate.leave()
    await asyncio.wait_for(second, 1)


async def test_the_queue_is_bounded() -> None:
    gate = Gate(1, adaptive=False)
    await gate.enter()
    waiting = [asyncio.create_task(gate.enter()) for _ in range(QUEUE_LIMIT)]
    await let_run()
    with pytest.raises(GatewayError) as refused:
        await gate.enter()
    assert refused.value.problem.code == "gateway_queue_full"
    assert refused.value.problem.retry_after
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert (gate.active, gate.waiting) == (1, 0)


async def test_who_leaves_the_queue_takes_no_place() -> None:
    gate = Gate(1, adaptive=False)
    await gate.enter()
    leaver = asyncio.create_task(gate.enter())
    stayer = asyncio.create_task(gate.enter())
    await let_run()
    leaver.cancel()
    await let_run()
    gate.leave()
    await asyncio.wait_for(stayer, 1)
    assert gate.active == 1


@pytest.mark.parametrize("first", ["cancel", "leave"])
async def test_who_leaves_in_the_moment_of_his_turn_passes_it_on(first: str) -> None:
    """Both within one turn of the loop: the place must neither be lost nor the leaver be hurt."""
    gate = Gate(1, adaptive=False)
    await gate.enter()
    leaver = asyncio.create_task(gate.enter())
    stayer = asyncio.create_task(gate.enter())
    await let_run()
    steps: list[Callable[[], object]] = [leaver.cancel, gate.leave]
    for step in steps if first == "cancel" else reversed(steps):
        step()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    await asyncio.wait_for(stayer, 1)
    assert (gate.active, gate.waiting) == (1, 0)


async def test_an_exhausted_key_never_holds_up_another() -> None:
    gates = Gates("1")
    async with gates.of("one"):
        waiting = asyncio.create_task(gates.of("one").enter())
        await let_run()
        assert not waiting.done()
        async with asyncio.timeout(1), gates.of("other"):
            pass
    await waiting


@pytest.mark.parametrize(("setting", "limit"), [("auto", None), ("0", None), ("3", 3)])
async def test_the_setting_fixes_or_disables(setting: str, limit: int | None) -> None:
    gate = Gates(setting).of("key")
    await filled(gate, 3)
    gate.refused(0.0)
    assert gate.limit == (2 if setting == "auto" else limit)


async def test_gates_of_idle_keys_are_forgotten() -> None:
    gates = Gates()
    async with gates.of("busy"):
        for number in range(3_000):
            async with gates.of(f"key-{number}"):
                pass
        assert len(gates) <= 1_025
        assert gates.of("busy").active == 1


STEPS = st.lists(
    st.sampled_from(["enter", "leave", "cancel", "refuse", "succeed"]), min_size=5, max_size=60
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**16), adaptive=st.booleans())
def test_whatever_happens_places_are_neither_lost_nor_doubled(
    steps: list[str], seed: int, adaptive: bool
) -> None:
    """No more in than the limit allows (but for who was in before it fell); none is lost."""
    asyncio.run(play(steps, random.Random(seed), adaptive=adaptive))  # noqa: S311 - a replay


async def play(steps: list[str], chance: random.Random, *, adaptive: bool) -> None:
    gate = Gate(None if adaptive else 2, adaptive=adaptive)
    inside: list[asyncio.Task[None]] = []
    tasks: list[asyncio.Task[None]] = []
    now = 0.0
    for step in steps:
        now += 40.0
        before = gate.active
        inside = [t for t in tasks if t.done() and not t.cancelled()]
        waiting = [t for t in tasks if not t.done()]
        match step:
            case "enter":
                tasks.append(asyncio.create_task(gate.enter()))
            case "leave" if inside:
                tasks.remove(chance.choice(inside))
                gate.leave()
            case "cancel" if waiting:
                chance.choice(waiting).cancel()
            case "refuse" if gate.active:
                gate.refused(now)
            case "succeed" if gate.active:
                gate.succeeded(now)
        if chance.random() < 0.7:
            await let_run()
        assert gate.active >= 0
        if gate.limit is not None:
            assert gate.active <= max(gate.limit, before)
    await let_run()
    await empty(gate, tasks)


async def empty(gate: Gate, tasks: list[asyncio.Task[None]]) -> None:
    """Everybody who is in leaves, until nobody waits: each must have had a turn."""
    while tasks:
        await let_run()
        done = [task for task in tasks if task.done()]
        assert done, "somebody waits although everybody else has left"
        for task in done:
            tasks.remove(task)
            if not task.cancelled():
                task.result()
                gate.leave()
    assert (gate.active, gate.waiting) == (0, 0)
