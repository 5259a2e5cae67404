"""What the tests of `connect` share: a gateway that answers without running, and a home folder."""

import asyncio
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from proxy import Settings, cli, models
from proxy.connect.facts import Facts, gather
from proxy.connect.gateway import Gateway, Listed
from proxy.connect.tools import TOOLS
from proxy.errors import DialectName
from proxy.settings import variables

URL: Final = "http://127.0.0.1:5000"
MODELS: Final = {
    model.name: Listed(model.name, model.window, model.max_output)
    for model in models.KNOWN.values()
}


def facts(settings: Settings | None = None, names: Sequence[str] = ()) -> Facts:
    """What tools are told of a gateway with these settings."""
    settings = settings or Settings()
    windows: dict[DialectName, int] = {
        "chat": settings.windows.client("chat"),
        "messages": settings.windows.client("messages"),
    }
    unscaled = settings.token_scaling == "off"
    defaults = settings.autotext_model, settings.autovision_model
    gateway = Gateway(URL, "1.2.3", MODELS, defaults, None if unscaled else windows)
    return gather(gateway, settings, names)


@dataclass(frozen=True)
class Outcome:
    """A command's exit code and all that it printed."""

    code: int
    told: str


async def run(*arguments: str) -> Outcome:
    """The command line, in a thread: the gateway that it asks lives in this event loop."""

    def call() -> Outcome:
        with redirect_stdout(StringIO()) as out:
            code = cli.main(arguments)
        return Outcome(code, out.getvalue())

    return await asyncio.to_thread(call)


def files_in(folder: Path) -> list[Path]:
    """All files, however deep."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(name="home", autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and no settings from whoever runs the tests."""
    used = {name for tool in TOOLS.values() for name in tool.set_up(facts()).environment}
    for name in (*variables(), "XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", *used):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path
