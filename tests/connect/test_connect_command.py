"""`anthropic-proxy connect`, as it is typed, against a running gateway."""

import asyncio
import json
from pathlib import Path

import pytest
from conftest import Stack, StackFactory
from connect_talk import (
    MODELS,
    empty_home,  # noqa: F401 - a fixture
    files_in,
    run,
)

from proxy import __version__
from proxy.connect.gateway import UnreachableError, address_of, ask
from proxy.connect.tools import TOOLS
from proxy.settings import Settings

WITH_FILES = ["claude-code", "opencode", "kilo", "aider", "zed", "roo", "continue"]
WITHOUT_FILES = ["cline", "codex", "openai", "anthropic"]


@pytest.fixture
async def url(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """The running gateway, which HOST and PORT name, too."""
    host, port = stack.url.removeprefix("http://").split(":")
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", port)
    return stack.url


async def test_settings_come_from_the_running_gateway(url: str) -> None:
    outcome = await run("connect", "claude-code")
    assert outcome.code == 0
    assert f"Gateway {__version__} at {url}" in outcome.told
    assert f'"ANTHROPIC_BASE_URL": "{url}"' in outcome.told


async def test_windows_and_models_are_those_of_the_gateway_not_of_this_shell(
    start_stack: StackFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = await start_stack(
        autotext_model="glm-4.7", openai_expected_tokens=64_000, retry_seconds=0.0
    )
    monkeypatch.setenv("OPENAI_EXPECTED_TOKENS", "1000")
    monkeypatch.setenv("AUTOTEXT_MODEL", "glm-5")
    told = (await run("connect", "opencode", "--url", stack.url)).told
    assert "glm-4.7" in told
    assert "64000" in told.replace(",", "").replace("_", "")
    assert "glm-5" not in told


async def test_without_scaling_a_model_has_its_own_window(start_stack: StackFactory) -> None:
    stack = await start_stack(token_scaling="off")
    told = (await run("connect", "opencode", "--url", stack.url)).told
    assert "131072" in told


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
async def test_an_address_may_be_given_with_and_without_v1(stack: Stack, ending: str) -> None:
    outcome = await run("connect", "openai", "--url", stack.url + ending)
    assert outcome.code == 0
    assert f'export OPENAI_BASE_URL="{stack.url}/v1"' in outcome.told


async def test_models_can_be_chosen(url: str) -> None:
    told = (await run("connect", "opencode", "--model", "glm-4.6", "--model", "glm-5.2")).told
    assert '"model": "anthropic-proxy/glm-4.6"' in told
    assert '"name": "glm-5.2"' in told
    assert "glm-4.5v" not in told


async def test_the_golden_gateway_lists_what_a_real_one_does(url: str) -> None:
    asked = await asyncio.to_thread(ask, url)
    assert (asked.url, asked.version, asked.models) == (url, __version__, MODELS)


@pytest.mark.parametrize("name", WITH_FILES)
async def test_writing_is_shown_checked_and_done_once(name: str, url: str, home: Path) -> None:
    assert (await run("connect", name, "--check")).code == 1
    assert files_in(home) == []

    written = await run("connect", name, "--write")
    assert written.code == 0
    assert f"+++ {home}" in written.told
    files = files_in(home)
    assert len(files) == (2 if name == "aider" else 1)
    assert any(url in path.read_text() for path in files)

    again = await run("connect", name, "--write")
    assert again.code == 0
    assert "is right as it is" in again.told
    assert files_in(home) == files


async def test_check_is_content_with_file_and_environment(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run("connect", "claude-code", "--write")
    unset = await run("connect", "claude-code", "--check")
    assert (unset.code, unset.told) == (1, "ANTHROPIC_AUTH_TOKEN is not set in this shell.\n")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "sk-secret")
    right = await run("connect", "claude-code", "--check")
    assert (right.code, right.told) == (0, "Claude Code is set up for this gateway.\n")


async def test_check_names_an_address_of_another_gateway(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    outcome = await run("connect", "openai", "--check")
    assert outcome.code == 1
    assert f"OPENAI_BASE_URL is http://elsewhere/v1, and should be {url}/v1" in outcome.told
    assert "sk-secret" not in outcome.told


async def test_what_somebody_wrote_stays_and_is_kept_as_a_backup(url: str, home: Path) -> None:
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    mine = '{\n  "permissions": {"allow": ["Read"]},\n  "env": {"ANTHROPIC_API_KEY": "sk-1"}\n}\n'
    path.write_text(mine)
    outcome = await run("connect", "claude-code", "--write")
    after = json.loads(path.read_text())
    assert after["permissions"] == {"allow": ["Read"]}
    assert after["env"]["ANTHROPIC_API_KEY"] == "sk-1"
    assert after["env"]["ANTHROPIC_BASE_URL"] == url
    assert "sk-1" not in outcome.told
    (backup,) = path.parent.glob("settings.json.*.bak")
    assert backup.read_text() == mine


async def test_a_file_with_comments_is_left_alone_and_the_settings_are_printed(
    url: str, home: Path
) -> None:
    path = home / ".config" / "zed" / "settings.json"
    path.parent.mkdir(parents=True)
    path.write_text('// Zed settings\n{"theme": "One"}\n')
    outcome = await run("connect", "zed", "--write")
    assert outcome.code == 1
    assert "comments would be lost" in outcome.told
    assert f'"api_url": "{url}/v1"' in outcome.told
    assert path.read_text() == '// Zed settings\n{"theme": "One"}\n'
    assert files_in(home) == [path]
    assert (await run("connect", "zed", "--check")).code == 1


@pytest.mark.parametrize("name", WITHOUT_FILES)
async def test_a_tool_without_a_file_gets_its_settings_printed(
    name: str, url: str, home: Path
) -> None:
    outcome = await run("connect", name, "--write")
    assert outcome.code == 1
    assert "no file that could be edited" in outcome.told
    assert url in outcome.told
    assert files_in(home) == []
    assert (await run("connect", name, "--check")).code == 1


async def test_a_gateway_with_a_key_is_asked_with_it(
    start_stack: StackFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = await start_stack(gateway_key="g-secret")
    refused = await run("connect", "openai", "--url", guarded.url)
    assert refused.code == 1
    assert "It has a GATEWAY_KEY" in refused.told
    monkeypatch.setenv("GATEWAY_KEY", "g-secret")
    allowed = await run("connect", "openai", "--url", guarded.url)
    assert allowed.code == 0
    assert "g-secret" not in allowed.told


async def test_something_else_on_the_port_is_told(stack: Stack) -> None:
    outcome = await run("connect", "openai", "--url", stack.zai.origin)
    assert outcome.code == 1
    assert "not this gateway" in outcome.told


def test_without_a_gateway_there_is_advice(unused_tcp_port: int) -> None:
    with pytest.raises(UnreachableError, match="Start it"):
        ask(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(UnreachableError, match="no http"):
        ask("localhost:5000")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000"),
        ("0.0.0.0", "http://127.0.0.1:5000"),
        ("::", "http://[::1]:5000"),
        ("::1", "http://[::1]:5000"),
        ("box", "http://box:5000"),
    ],
)
def test_a_listening_address_is_turned_into_one_to_call(host: str, expected: str) -> None:
    assert address_of(Settings(host=(host,))) == expected


def test_each_tool_is_in_one_list() -> None:
    assert set(TOOLS) == {*WITH_FILES, *WITHOUT_FILES}


async def test_a_model_name_cannot_carry_more_than_a_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        await run("connect", "aider", "--model", "glm: [x]")
    assert "not a model name" in capsys.readouterr().err
