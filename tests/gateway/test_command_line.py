"""`python -m proxy` as its users start it: a process of its own, signals and exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proxy import __version__
from proxy.settings import variables

ROOT = Path(__file__).parents[2]
FREE: dict[str, str] = {
    "HOST": "127.0.0.1",
    "PORT": "0",
    "LOG_FORMAT": "json",
    "DRAIN_SECONDS": "1",
    "WARM_CONNECTIONS": "0",
}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def environment(**settings: str) -> dict[str, str]:
    """This process's, without settings of the gateway."""
    mine = {name: value for name, value in os.environ.items() if name not in variables()}
    return {**mine, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def run(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The whole run of a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "proxy", *arguments],
        cwd=directory,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def started(
    directory: Path, *arguments: str, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """A serving process, its URL, and what it has said up to naming it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "proxy", *arguments],
        cwd=directory,
        env=environment(**{**FREE, **settings}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            url = re.search(r"(?:listens on|gateway is at) (http://[\d.]+:\d+)", line)
            if url:
                yield process, url[1], said
                break
        else:
            pytest.fail("it ended: " + "".join(said))
    finally:
        process.kill()
        process.communicate(timeout=10)


def get(url: str) -> Any:
    with DIRECT.open(url, timeout=10) as answer:
        return json.loads(answer.read())


def post(url: str, body: Any, key: str = "demo") -> Any:
    """The decoded answer to a POST with a key."""
    headers = {"x-api-key": key, "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - ours
    with DIRECT.open(request, timeout=10) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_answers_and_ends(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (process, url, _said):
        told = get(f"{url}/health")
        assert (told["status"], told["version"]) == ("ok", __version__)
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert "Traceback" not in out


def test_health_is_a_command(tmp_path: Path) -> None:
    with started(tmp_path) as (_process, url, _said):
        port = url.rpartition(":")[2]
        well = run(tmp_path, "health", HOST="0.0.0.0", PORT=port)
        assert (well.returncode, well.stderr) == (0, "")
    gone = run(tmp_path, "health", HOST="127.0.0.1", PORT=port)
    assert gone.returncode == 1
    assert "Traceback" not in gone.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe breaks otherwise there")
def test_a_reader_that_has_had_enough_is_no_mistake(tmp_path: Path) -> None:
    """As with `anthropic-proxy install-service --print | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        ended = subprocess.run(
            [sys.executable, "-m", "proxy", "install-service", "--user", "--print"],
            cwd=tmp_path,
            env=environment(**FREE, SERVER_API_KEY="any"),
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == ""


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, HOST="127.0.0.1", PORT=str(port))
    assert ended.returncode == 1
    assert f"Port {port}" in ended.stdout
    assert "PORT=" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("command", ["serve", "demo", "health"])
def test_wrong_settings_are_listed(tmp_path: Path, command: str) -> None:
    (tmp_path / ".env").write_text("MAX_BODY_MB=lots\n")
    ended = run(tmp_path, command, PORT="http", TOKEN_SCALING="some")
    assert ended.returncode == 1
    for name in ("PORT", "TOKEN_SCALING", "MAX_BODY_MB"):
        assert name in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_version_and_help(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.strip() == __version__
    told = run(tmp_path, "--help").stdout
    assert all(command in told for command in ("serve", "demo", "health"))
    assert run(tmp_path, "fly").returncode == 2


def test_the_demo_says_what_to_paste_and_answers(tmp_path: Path) -> None:
    with started(tmp_path, "demo") as (process, url, said):
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if "/docs" in line:
                break
        text = "".join(said)
        for wanted in (f"{url}/v1", f"ANTHROPIC_BASE_URL={url}", "curl", "glm-4.5"):
            assert wanted in text
        user = {"role": "user", "content": "Hello"}
        body = {"model": "glm-4.5", "max_tokens": 100, "messages": [user]}
        chat = post(f"{url}/v1/chat/completions", body)
        assert "simulator" in chat["choices"][0]["message"]["content"]
        messages = post(f"{url}/v1/messages", body)
        assert "simulator" in messages["content"][0]["text"]


def test_the_demo_takes_requests_without_any_key(tmp_path: Path) -> None:
    with started(tmp_path, "demo") as (_process, url, _said):
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        assert post(f"{url}/v1/chat/completions", body, key="")["choices"]


def test_the_log_goes_to_stdout(tmp_path: Path) -> None:
    with started(tmp_path, "demo", LOG_LEVEL="debug") as (process, url, _said):
        get(f"{url}/health")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert "GET /health" in out


def test_a_request_to_a_missing_upstream_is_one_log_line(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    settings = {"UPSTREAM_BASE": nowhere, "RETRY_SECONDS": "0"}
    with started(tmp_path, **settings) as (process, url, _said):
        with pytest.raises(urllib.error.HTTPError) as caught:
            post(f"{url}/v1/messages", {"messages": [{"role": "user", "content": "Hello"}]})
        caught.value.close()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line.get("path") == "/v1/messages"]
    assert [line["status"] for line in requests] == [502]
