"""The tools themselves, set up by `connect`, against the gateway in front of the simulator.

`make tools` installs them into `.tools`, as CI does; a tool that is neither there nor on PATH is
skipped. What each was seen to do by hand is in docs/clients.md.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Stack
from connect_talk import (
    empty_home,  # noqa: F401 - a fixture
    run,
)

ROOT = Path(__file__).parents[2]
PLACES = os.pathsep.join(
    (
        str(ROOT / ".tools" / "node_modules" / ".bin"),
        str(ROOT / ".tools" / "aider" / "bin"),
        os.environ["PATH"],
    )
)
PROMPT, COUNTED = "count to 5", "1 2 3 4 5"
SECONDS = 120


@dataclass(frozen=True)
class RealTool:
    """How a tool is asked `PROMPT` without a terminal; `key` is the variable of its key."""

    name: str
    command: tuple[str, ...]
    key: str


REAL_TOOLS = (
    RealTool("claude-code", ("claude", "-p", PROMPT, "--tools", ""), "ANTHROPIC_AUTH_TOKEN"),
    RealTool("opencode", ("opencode", "run", PROMPT), "ZAI_KEY"),
    RealTool("continue", ("cn", "-p", PROMPT), "ZAI_KEY"),
    RealTool(
        "aider",
        ("aider", "--no-git", "--no-check-update", "--analytics-disable", "--message", PROMPT),
        "OPENAI_API_KEY",
    ),
)


@pytest.mark.parametrize("tool", REAL_TOOLS, ids=lambda tool: tool.name)
async def test_a_real_tool_works_once_it_is_connected(
    tool: RealTool, stack: Stack, home: Path
) -> None:
    _need(tool.command[0])
    outcome = await run("connect", tool.name, "--write", "--url", stack.url)
    assert outcome.code == 0
    told = await _call(tool.command, home, tool.key)
    assert COUNTED in told, told
    assert stack.script.requests[-1].body["messages"]


async def test_cline_works_once_the_printed_command_was_typed(stack: Stack, home: Path) -> None:
    _need("cline")
    printed = (await run("connect", "cline", "--url", stack.url)).told
    (command,) = (line for line in printed.splitlines() if "cline auth" in line)
    await _call(("sh", "-c", command), home, "ZAI_KEY")
    told = await _call(("cline", "--json", PROMPT), home, "ZAI_KEY")
    assert COUNTED in told, told
    assert stack.script.requests[-1].body["messages"]


def _need(command: str) -> None:
    if shutil.which(command, path=PLACES) is None:
        pytest.skip(f"{command} is not installed (make tools)")


async def _call(command: tuple[str, ...], home: Path, key: str) -> str:
    """What the command printed, with an environment that names nothing but the key."""
    environment = {
        "PATH": PLACES,
        "HOME": str(home),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLINE_SESSION_BACKEND_MODE": "local",
        key: "sk-test",
    }
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=home,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode(errors="replace")
