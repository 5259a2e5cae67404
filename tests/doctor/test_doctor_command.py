"""`anthropic-proxy doctor`, as it is typed: what is printed, and the exit code."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Stack
from doctor_talk import CODING, SECRET, patient, refusal

from proxy import __version__, cli
from proxy.settings import variables


@pytest.fixture(autouse=True)
def nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in (*variables(), "ZAI_KEY", "ZAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def configured(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A running gateway, and the environment that it was started with."""
    host, port = stack.url.removeprefix("http://").split(":")
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", port)
    monkeypatch.setenv("UPSTREAM_BASE", stack.zai.anthropic_base)
    monkeypatch.setenv("OPENAI_UPSTREAM_BASE", stack.zai.openai_base)
    return stack


async def doctor(*arguments: str) -> int:
    """The command line, in a thread: it has an event loop of its own."""
    return await asyncio.to_thread(cli.main, ["doctor", *arguments])


async def test_lines_a_table_and_the_price(
    configured: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZAI_KEY", SECRET)
    assert await doctor() == 0
    told = capsys.readouterr().out
    assert told.startswith("Each probe costs a few tokens")
    assert f"ok   gateway: version {__version__} runs at {configured.url}\n" in told
    assert f"PORT={configured.url.rpartition(':')[2]} (environment)" in told
    assert "ok   key: probing with the one in ZAI_KEY" in told
    assert "\nCheck " in told
    assert "What to do" not in told or "TOKEN_SCALING" in told
    assert SECRET not in told


async def test_json_is_one_object(
    configured: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SERVER_API_KEY", SECRET)
    assert await doctor("--json") == 0
    out = capsys.readouterr().out
    told: dict[str, Any] = json.loads(out)
    assert (told["version"], told["ok"]) == (__version__, True)
    assert {tuple(each) for each in told["findings"]} == {
        ("name", "verdict", "text", "advice", "seconds")
    }
    assert "SERVER_API_KEY=set" in told["findings"][0]["text"]
    assert SECRET not in out


async def test_a_failure_is_an_exit_code_and_something_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = refusal("1113", f"No balance for {SECRET}", 429)
    async with patient({CODING: refused}) as ill:
        monkeypatch.setenv("HOST", "127.0.0.1")
        monkeypatch.setenv("PORT", "0")
        monkeypatch.setenv("UPSTREAM_BASE", ill.zai.anthropic_base)
        monkeypatch.setenv("OPENAI_UPSTREAM_BASE", ill.zai.openai_base)
        monkeypatch.setenv("ZAI_KEY", SECRET)
        assert await doctor() == 1
    told = capsys.readouterr().out
    assert f"- Set OPENAI_UPSTREAM_BASE={ill.zai.payg_base}\n" in told
    assert "No balance for …" in told
    assert SECRET not in told


async def test_offline_asks_nobody(configured: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert await doctor("--offline") == 0
    assert "skip z.ai: --offline: nothing was sent" in capsys.readouterr().out
    assert configured.script.requests == []


async def test_settings_are_told_with_their_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "PORT=0\nTOKEN_SCALING=off\nGATEWAY_KEY=g-secret\nZAI_KEY=k-secret\n"
    (tmp_path / ".env").write_text(settings)
    monkeypatch.setenv("TOKEN_SCALING", "real")
    assert await doctor("--offline") == 0
    told = capsys.readouterr().out
    assert (
        f"PORT=0 ({tmp_path / '.env'}), TOKEN_SCALING=real (environment), GATEWAY_KEY=set" in told
    )
    assert "g-secret" not in told


async def test_wrong_settings_are_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("TOKEN_SCALING", "double")
    assert await doctor("--offline") == 1
    told = capsys.readouterr().out
    assert told.startswith("fail settings: PORT: ")
    assert "TOKEN_SCALING: Must be one of" in told


async def test_without_a_key_it_says_how_to_give_one(
    configured: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor() == 0
    assert "Set ZAI_KEY" in capsys.readouterr().out


@pytest.mark.parametrize("told", ["0", "nan", "inf", "-1", "soon"])
def test_a_time_limit_must_be_one(told: str) -> None:
    with pytest.raises(SystemExit):
        cli.main(["doctor", f"--timeout={told}"])
