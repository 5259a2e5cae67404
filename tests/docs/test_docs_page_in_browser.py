"""The API page in Chromium: everything is rendered, "try it" streams, nobody else is asked.

The fixture `tab` fails a test whose page complains (console, policy) or asks another site.
"""

import pytest
from browser import Tab
from conftest import KEY, Stack, StackFactory
from looks import faint_texts, nameless, overflow

from proxy.openapi.document import document
from proxy.simulator import Gate, Reply

OPERATIONS = {
    operation["operationId"]: f"{method.upper()}{path}"
    for path, item in document()["paths"].items()
    for method, operation in item.items()
    if method in ("get", "post", "head")
}
CHUNK = '{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}'
FRAMES = [
    f"data: {CHUNK % choice}\n\n".encode()
    for choice in (
        '{"index":0,"delta":{"role":"assistant","content":"One"}}',
        '{"index":0,"delta":{"content":", two."},"finish_reason":"stop"}',
    )
]
CLOSED = "[...document.querySelectorAll('details:not([open])')]"
EMPTY = "[...document.querySelectorAll('details[open]')].filter((each) => !each.children[1])"


def panel(operation: str) -> str:
    return f"document.querySelector('#operation-{operation} .try')"


def answer(operation: str, part: str = ".answer") -> str:
    return f"{panel(operation)}.querySelector('{part}').textContent"


async def opened(stack: Stack, tab: Tab) -> None:
    await tab.open(stack.url + "/docs")
    await tab.until("document.querySelector('#schemas') !== null")


async def put(tab: Tab, operation: str, body: str) -> None:
    """Write a request body into the panel of an operation, as its reader would."""
    await tab.value(f"{panel(operation)}.querySelector('textarea').select()")
    await tab.value(f"{panel(operation)}.querySelector('textarea').focus()")
    await tab.type(body)


async def send(tab: Tab, operation: str) -> None:
    await tab.value(f"{panel(operation)}.querySelector('.send').click()")


async def test_every_operation_is_there_and_in_the_contents(stack: Stack, tab: Tab) -> None:
    await opened(stack, tab)
    script = """Object.fromEntries([...document.querySelectorAll('.operation')].map(
      (each) => [each.id.replace('operation-', ''), each.querySelector('h3').textContent]))"""
    assert await tab.value(script) == OPERATIONS
    links = "[...document.querySelectorAll('#nav li a')].map((each) => each.hash)"
    assert await tab.value(links) == [f"#operation-{name}" for name in OPERATIONS]


async def test_everything_opens(stack: Stack, tab: Tab) -> None:
    """Each schema, response and example down to the third level: made when it is opened."""
    await opened(stack, tab)
    for _ in range(3):
        await tab.value(f"{CLOSED}.forEach((each) => {{ each.open = true; }})")
        await tab.until(f"{EMPTY}.length === 0")
    assert await tab.value(f"{CLOSED}.length") > 0, "schemas may contain themselves"


async def test_try_it_streams_an_answer_with_the_key_that_was_typed(stack: Stack, tab: Tab) -> None:
    gate = Gate()
    stack.script.replies.append(Reply.sse(FRAMES[0], gate, FRAMES[1], b"data: [DONE]\n\n"))
    await opened(stack, tab)
    await tab.value("document.querySelector('#key').focus()")
    await tab.type(KEY)
    call = "createChatCompletion"
    message = '{"role":"user","content":"Hello"}'
    await put(tab, call, f'{{"model":"glm-4.5-openai","stream":true,"messages":[{message}]}}')
    await send(tab, call)
    await tab.until(f"{answer(call)} === '[answer] One'")
    assert "streaming" in await tab.value(answer(call, ".outcome"))
    gate.open()
    await tab.until(f"{answer(call)} === '[answer] One, two.'")
    await tab.until(f"{answer(call, '.outcome')}.startsWith('200 OK, ')")
    assert stack.script.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in await tab.value("document.documentElement.outerHTML")


@pytest.mark.parametrize("operation", ["createChatCompletion", "createMessage", "countTokens"])
async def test_the_first_example_runs_as_it_stands(
    start_stack: StackFactory, tab: Tab, operation: str
) -> None:
    stack = await start_stack(server_api_key=KEY)
    await opened(stack, tab)
    await send(tab, operation)
    await tab.until(f"{answer(operation, '.outcome')}.startsWith('200 OK')")
    assert await tab.value(answer(operation, "pre.body")) != ""


async def test_a_refusal_is_shown_as_one(stack: Stack, tab: Tab) -> None:
    await opened(stack, tab)
    await send(tab, "createMessage")
    await tab.until(f"{answer('createMessage', '.outcome')}.startsWith('401')")
    assert "authentication_error" in await tab.value(answer("createMessage", "pre.body"))
    tab.forgive("401")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_every_text_can_be_read(stack: Stack, tab: Tab, dark: bool) -> None:
    await tab.size(1280, 800, dark=dark)
    await opened(stack, tab)
    assert await faint_texts(tab) == []
    assert await nameless(tab) == []


@pytest.mark.parametrize("width", [360, 800, 1280])
async def test_nothing_is_wider_than_the_window(stack: Stack, tab: Tab, width: int) -> None:
    await tab.size(width, 800)
    await opened(stack, tab)
    script = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
    await tab.value(script)
    assert await overflow(tab) == 0
