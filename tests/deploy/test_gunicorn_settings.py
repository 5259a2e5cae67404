"""The names in `proxy/gunicorn.py` are settings of gunicorn, with limits that follow ours."""

import importlib
import sys
from types import ModuleType

import pytest

from proxy.settings import variables

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """The module, read with these variables only."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    for name, value in getattr(request, "param", {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, "proxy.gunicorn", raising=False)
    return importlib.import_module("proxy.gunicorn")


def test_gunicorn_takes_every_one(load: ModuleType) -> None:
    config = importlib.import_module("gunicorn.config").Config()
    names = [name for name, value in vars(load).items() if name in config.settings]
    assert sorted(names) == [
        "bind",
        "control_socket_disable",
        "graceful_timeout",
        "post_worker_init",
        "reuse_port",
        "timeout",
        "worker_class",
        "wsgi_app",
    ]
    for name in names:
        config.set(name, getattr(load, name))
    assert config.worker_class.__name__.endswith("WebWorker")


def test_a_worker_settles_when_it_has_started(
    load: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[object] = []
    monkeypatch.setattr("proxy.server.settle", lambda: settled.append(load))
    load.post_worker_init(None)
    assert len(settled) == 1


@pytest.mark.parametrize("load", [{"DRAIN_SECONDS": "90"}], indirect=True)
def test_workers_live_longer_than_they_drain(load: ModuleType) -> None:
    assert load.graceful_timeout > 90 + 4
    assert load.timeout >= load.graceful_timeout


@pytest.mark.parametrize("load", [{"HOST": "127.0.0.1,203.0.113.1", "PORT": "5050"}], indirect=True)
def test_an_address_of_another_machine_is_passed_over(load: ModuleType) -> None:
    assert load.bind == ["127.0.0.1:5050"]


async def test_the_factory_returns_a_runner_that_leaves_signals_to_gunicorn(
    load: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.logs.configure", lambda _settings: None)  # pytest's stay
    runner = await load.runner()
    await runner.setup()
    try:
        assert runner.addresses == []
    finally:
        await runner.cleanup()
