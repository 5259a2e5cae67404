"""`make screenshots`: the pictures of the live page in docs/images, light and dark.

A gateway in front of the simulator gets half a minute of the traffic of several tools; the pauses
are the model's pace. Needs Chromium.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from browser import Tab, browser, chromium, new_tab
from conftest import Stack, run_stack

from proxy.simulator import Pause, Reply
from proxy.simulator.script import Step

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
WIDTH: Final = 1240
ROWS: Final = 5
_AGENTS: Final = {
    "Claude Code": "claude-cli/2.1.197 (external, cli)",
    "Cline": "Cline/3.0.65",
    "OpenCode": "opencode/1.18.33 ai-sdk",
    "aider": "aider/0.86.2",
}
_PIXEL: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True, slots=True)
class Turn:
    """A request `after` so many seconds; `thinking` later the answer, at `pace` tokens a second."""

    tool: str
    model: str
    after: float
    prompt: int = 0
    cached: int = 0
    output: int = 0
    thinking: float = 0.8
    pace: float = 60.0
    image: bool = False
    refused: bool = False


TURNS: Final = (
    Turn("Cline", "glm-4.6", 0.0, 14_200, 0, 160, 1.1, 48.0),
    Turn("aider", "glm-4.5-air", 1.0, 5_300, 2_048, 120, 0.4, 95.0),
    Turn("Claude Code", "claude-sonnet-4-5", 4.0, 61_400, 58_900, 420, 1.4, 62.0),
    Turn("OpenCode", "glm-4.5", 7.0, 6_900, 0, 190, 1.9, 44.0, image=True),
    Turn("Cline", "glm-5.1", 11.0, refused=True),
    Turn("Claude Code", "claude-sonnet-4-5", 13.0, 64_800, 61_300, 380, 0.9, 66.0),
    Turn("Cline", "glm-4.6", 15.0, 88_600, 71_000, 900, 1.2, 52.0),
    Turn("OpenCode", "glm-4.5", 24.5, 9_400, 6_900, 300, 60.0),
)
_SECONDS: Final = 26.0


def reply(turn: Turn) -> Reply:
    """What z.ai answers: one delta a token."""
    if turn.refused:
        reset = datetime.now(timezone(timedelta(hours=8))) + timedelta(hours=2, minutes=40)
        message = f"Usage limit reached. Your limit will reset at {reset:%Y-%m-%d %H:%M:%S}"
        return Reply.json({"error": {"code": "1308", "message": message}}, 429)
    return Reply.sse(*(_chat_steps(turn) if turn.image else _messages_steps(turn)))


def _messages_steps(turn: Turn) -> Iterator[Step]:
    usage = {
        "input_tokens": turn.prompt - turn.cached,
        "cache_read_input_tokens": turn.cached,
        "output_tokens": turn.output,
    }
    head = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": []}
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": " word"}
    yield _frame(type="message_start", message={**head, "usage": {"input_tokens": 0}})
    yield Pause(turn.thinking)
    yield _frame(type="content_block_start", index=0, content_block=block)
    for _ in range(turn.output):
        yield _frame(type="content_block_delta", index=0, delta=delta)
        yield Pause(1 / turn.pace)
    yield _frame(type="content_block_stop", index=0)
    yield _frame(type="message_delta", delta={"stop_reason": "end_turn"}, usage=usage)
    yield _frame(type="message_stop")


def _chat_steps(turn: Turn) -> Iterator[Step]:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x"}
    total = turn.prompt + turn.output
    usage = {"prompt_tokens": turn.prompt, "completion_tokens": turn.output, "total_tokens": total}
    yield Pause(turn.thinking)
    for _ in range(turn.output):
        yield _frame(**head, choices=[{"index": 0, "delta": {"content": " word"}}])
        yield Pause(1 / turn.pace)
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield _frame(**head, choices=[last], usage=usage) + b"data: [DONE]\n\n"


def _frame(**fields: Any) -> bytes:
    name = f"event: {fields['type']}\n" if "type" in fields else ""
    return f"{name}data: {json.dumps(fields)}\n\n".encode()


async def ask(stack: Stack, turn: Turn) -> None:
    """Send it at its time, as its tool would, and read the answer."""
    await asyncio.sleep(turn.after)
    stack.script.replies.append(reply(turn))
    image = {"type": "image_url", "image_url": {"url": _PIXEL}}
    content = [{"type": "text", "text": "Hello"}, *([image] if turn.image else [])]
    messages = [{"role": "user", "content": content}]
    body = {"model": turn.model, "max_tokens": 4000, "stream": True, "messages": messages}
    path = "/v1/messages" if turn.tool == "Claude Code" else "/v1/chat/completions"
    headers = {"user-agent": _AGENTS[turn.tool], "x-api-key": "a key of nobody's"}
    await stack.post(path, body, headers=headers)


async def picture(tab: Tab, name: str, *, dark: bool) -> None:
    """Write what the tab shows of the page, down to the last of ROWS."""
    await tab.size(WIDTH, 800, dark=dark)
    row = f"document.querySelectorAll('.request')[{ROWS - 1}]"
    height = await tab.value(f"Math.ceil({row}.getBoundingClientRect().bottom)")
    await tab.size(WIDTH, height + 6, dark=dark)
    await tab.value("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    (IMAGES / name).write_bytes(await tab.picture())


async def main(devtools: str) -> None:
    """Traffic, then pictures."""
    IMAGES.mkdir(exist_ok=True)
    async with run_stack() as stack, new_tab(devtools) as tab, asyncio.TaskGroup() as tasks:
        await tab.call("Emulation.setScrollbarsHidden", hidden=True)
        await tab.open(stack.url + "/ui")
        asked = [tasks.create_task(ask(stack, turn)) for turn in TURNS]
        await asyncio.sleep(_SECONDS)
        await picture(tab, "live-light.png", dark=False)
        await picture(tab, "live-dark.png", dark=True)
        for task in asked:
            task.cancel()


if __name__ == "__main__":
    found = chromium()
    if found is None:
        raise SystemExit("No Chromium on PATH.")
    with browser(found) as address:
        asyncio.run(main(address))
