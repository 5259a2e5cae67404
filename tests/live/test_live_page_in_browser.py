"""The live page in Chromium: what a person sees of requests, and can do.

The fixture `tab` fails a test whose page complains (console, policy) or asks another site.
"""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from browser import Tab
from conftest import KEY, Stack, StackFactory
from live_talk import PATHS, Ends, ask, held, post, said, used_up
from looks import faint_texts, nameless, overflow

from proxy.live.feed import FEED
from proxy.server import make_runner
from proxy.settings import Settings
from proxy.simulator import Gate

ROW = ".request"
EARLIEST = """(() => {
  const points = document.querySelector('#plot polyline').getAttribute('points').split(' ');
  return points.map((point) => point.split(',').map(Number)).find(([, y]) => y < 54);
})()"""
"""The first point of the plot of the last minute that is above 0: x to the right, y down."""


async def answered(asked: Any) -> bytes:
    """The whole answer; its headers come late if the upstream is slow."""
    async with asked as response:
        return bytes(await response.read())


def text_of(selector: str) -> str:
    return f"(document.querySelector({selector!r})?.textContent ?? '')"


def shown(count: int) -> str:
    return f"document.querySelectorAll({ROW!r}).length === {count}"


async def opened(stack: Stack, tab: Tab) -> None:
    """The page is there and hears of what happens."""
    await tab.open(stack.url + "/ui")
    await tab.until(f"{text_of('#connection')} === 'Live'")


async def test_before_the_first_request_it_says_what_to_do(stack: Stack, tab: Tab) -> None:
    await opened(stack, tab)
    await tab.until("!document.querySelector('#empty').hidden")
    assert "Point a tool at this gateway" in await tab.value(text_of("#empty"))
    assert await tab.value(text_of("#open")) == "0"
    assert await nameless(tab) == []


async def test_a_request_is_seen_as_it_happens(stack: Stack, tab: Tab) -> None:
    """First it waits, then it streams with a plot of its own, then it is done."""
    before, gate = Gate(), Gate()
    stack.script.replies.append(held(gate, before))
    await opened(stack, tab)
    asked = asyncio.create_task(answered(post(stack, model="claude-sonnet-4-5")))
    await tab.until(f"{text_of(ROW + ' .phase')} === 'Waiting'")
    assert "Claude Code 2.0.14" in await tab.value(text_of(ROW + " .who"))
    assert "claude-sonnet-4-5 → glm-4.5" in await tab.value(text_of(ROW + " .model"))
    before.open()
    await tab.until(f"{text_of(ROW + ' .phase')} === 'Streaming'")
    await tab.until("document.querySelectorAll('.request .speed polyline').length === 1")
    assert await tab.value(text_of("#open")) == "1"
    gate.open()
    await asked
    await tab.until(f"{text_of(ROW + ' .phase')} === 'Done'")
    assert "30 %" in await tab.value(text_of(ROW + " .cache"))


async def test_the_plot_moves_on_and_rises_with_the_tokens(stack: Stack, tab: Tab) -> None:
    burst, end = Gate(), Gate()
    stack.script.replies.append(said("Hi", burst, *["word "] * 20, end))
    await opened(stack, tab)
    await tab.until("document.querySelector('#plot polyline')")
    assert await tab.value(EARLIEST) is None
    asked = asyncio.create_task(answered(post(stack)))
    x, y = await tab.until(EARLIEST)
    assert x > 500, "what is new is at the right"
    assert y < 10, "and the highest so far"
    await tab.until(f"{EARLIEST}[0] < {x}")
    burst.open()
    await tab.until(f"{EARLIEST}[1] > 20")
    end.open()
    await asked


async def test_what_goes_wrong_comes_with_what_to_do(stack: Stack, tab: Tab) -> None:
    await opened(stack, tab)
    await stack.post(PATHS["chat"], ask("error 1113", model="glm-4.5v"))
    await tab.until("document.querySelector('.request .error') !== null")
    told = await tab.value(text_of(".request .error"))
    assert "(1113)" in told
    assert "OPENAI_UPSTREAM_BASE" in told
    assert await tab.value(text_of("#failed")) == "1"


async def test_a_quota_refusal_is_shown_with_its_end(stack: Stack, tab: Tab) -> None:
    stack.script.replies.append(used_up())
    await opened(stack, tab)
    await stack.post(PATHS["chat"], ask())
    await tab.until("document.querySelector('.request .error') !== null")
    await tab.until(f"{text_of('#notices')}.includes('z.ai refuses glm-4.5 until')")
    assert "quota" in await tab.value(text_of(".request .error"))


async def test_the_list_can_be_narrowed(stack: Stack, tab: Tab) -> None:
    await opened(stack, tab)
    await stack.post(PATHS["chat"], ask())
    await stack.post(PATHS["chat"], ask("error 1001"))
    await tab.until(shown(2))
    await tab.value("document.querySelector('[data-filter=failed]').click()")
    await tab.until(shown(1))
    assert "(1001)" in await tab.value(text_of(ROW))
    await tab.value("document.querySelector('[data-filter=open]').click()")
    await tab.until(f"{text_of('#empty')} === 'Nothing is open at this moment.'")


async def test_it_can_be_used_without_a_mouse(stack: Stack, tab: Tab) -> None:
    """Tab leads to a request, Enter opens it; news of others take neither focus nor openness."""
    ends = Ends(stack.app)
    await stack.post(PATHS["chat"], ask(model="claude-sonnet-4-5"))
    await ends.reach(1)
    await opened(stack, tab)
    await tab.until(shown(1))
    for _ in range(12):
        await tab.press("Tab")
        if await tab.value("document.activeElement.matches('.request summary')"):
            break
    assert await tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await tab.press("Enter")
    await tab.until("document.querySelector('.request').open")
    assert "a Claude name stands for the default model" in await tab.value(text_of(".body"))
    await stack.post(PATHS["chat"], ask())
    await tab.until(shown(2))
    kept = "document.activeElement.closest('.request')"
    assert await tab.value(f"{kept} === document.querySelectorAll('.request')[1]")
    assert await tab.value(f"{kept}.open")


async def test_the_key_is_asked_for_and_a_wrong_one_is_told(
    start_stack: StackFactory, tab: Tab
) -> None:
    stack = await start_stack(gateway_key="secret")
    await tab.open(stack.url + "/ui")
    await tab.until("document.activeElement.id === 'key'")
    for key, found in (("wrong", "Locked"), ("secret", "Live")):
        await tab.value("document.querySelector('#key').value = ''")
        await tab.type(key)
        await tab.press("Enter")
        wrong = text_of("#key-wrong") + " !== ''"
        await tab.until(f"{text_of('#connection')} === '{found}' && ({wrong})")
    assert await tab.value("document.querySelector('#key-form').hidden")
    assert "secret" not in await tab.value("location.href")
    tab.forgive("401")


async def test_a_stream_that_ends_is_taken_up_again(stack: Stack, tab: Tab) -> None:
    await stack.post(PATHS["chat"], ask())
    await opened(stack, tab)
    await tab.until(shown(1))
    feed = stack.app[FEED]
    feed.close()
    await tab.until(f"{text_of('#connection')}.startsWith('Gateway not reached')")
    assert await tab.value(shown(1)), "what was known is not taken away"
    feed.ended.clear()
    await tab.until(f"{text_of('#connection')} === 'Live'")
    assert KEY not in await tab.value("document.documentElement.outerHTML")


async def served(port: int = 0) -> tuple[web.AppRunner, int]:
    """A gateway of its own, which can be stopped and come back at the same port."""
    runner = make_runner(Settings(drain_seconds=0.0))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner, runner.addresses[0][1]


async def test_a_gateway_that_stops_is_told_and_found_when_it_is_back(tab: Tab) -> None:
    runner, port = await served()
    try:
        await tab.open(f"http://127.0.0.1:{port}/ui")
        await tab.until(f"{text_of('#connection')} === 'Live'")
        await runner.cleanup()
        await tab.until(f"{text_of('#connection')}.startsWith('Gateway not reached')")
        await tab.until("document.body.classList.contains('disconnected')")
        runner, _ = await served(port)
        await tab.until(f"{text_of('#connection')} === 'Live'")
        await tab.until("!document.body.classList.contains('disconnected')")
    finally:
        await runner.cleanup()
    tab.forgive("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")


async def everything(stack: Stack, tab: Tab) -> None:
    """Every kind of row at once, all of them open, and a notice."""
    await opened(stack, tab)
    await stack.post(PATHS["chat"], ask(model="an-unusually-long-name-of-a-model-" * 3))
    await stack.post(PATHS["messages"], ask(max_tokens=10_000_000))
    await stack.post(PATHS["chat"], ask("error 1113"))
    stack.script.replies.append(used_up())
    await stack.post(PATHS["chat"], ask(model="glm-4.6"))
    await tab.until(shown(4))
    await tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_text_can_be_read(stack: Stack, tab: Tab, dark: bool) -> None:
    await tab.size(1280, 800, dark=dark)
    gate = Gate()
    await everything(stack, tab)
    stack.script.replies.append(held(gate))
    asked = asyncio.create_task(answered(post(stack)))
    await tab.until(f"{text_of(ROW + ' .phase')} === 'Streaming'")
    ground = await tab.value("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark
    assert await faint_texts(tab) == []
    assert await nameless(tab) == []
    gate.open()
    await asked


@pytest.mark.parametrize("width", [360, 800, 1280])
async def test_nothing_is_wider_than_the_window(stack: Stack, tab: Tab, width: int) -> None:
    await tab.size(width, 800)
    await everything(stack, tab)
    assert await overflow(tab) == 0


async def test_the_policy_bites_and_these_tests_would_see_it(stack: Stack, tab: Tab) -> None:
    """What a page must not do is refused by the browser, and fails a test that does not ask."""
    await opened(stack, tab)
    picture = "Object.assign(new Image(), {src: 'http://127.0.0.2:9/x.png'})"
    await tab.value(f"document.body.append({picture})")
    await tab.value("document.body.setAttribute('style', 'color: red')")
    await tab.until("true")
    for wanted in ("img-src 'self'", "style-src 'self'"):
        assert any(wanted in told for told in tab.complaints), wanted
    tab.complaints.clear()
    tab.strangers.clear()
