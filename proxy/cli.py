"""The command line: `serve` (the default), `demo`, `health`, `install-service`, `replay`.

`connect` and `doctor` register themselves. A command that sets `standalone` reads the settings
itself: wrong ones are what it may be asked about.
"""

import argparse
import contextlib
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from proxy import __version__, connect, doctor, logs, server
from proxy.connect.gateway import address_of
from proxy.demo import serve_demo
from proxy.service import install
from proxy.settings import Settings, SettingsError

_HEALTH_SECONDS: Final = 3.0
Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 with a reason on the terminal."""
    told = _parser().parse_args(arguments)
    if "standalone" in told:
        standalone: Callable[[argparse.Namespace], int] = told.standalone
        return standalone(told)
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(error)
        return 1
    command: Command = told.command
    return command(settings, told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "anthropic-proxy",
        description="Local gateway between developer tools and z.ai's GLM models.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.set_defaults(command=_serve)
    commands = parser.add_subparsers(title="commands")
    for name, command, text in (
        ("serve", _serve, "start the gateway (the default)"),
        ("demo", _demo, "start it in front of a built-in simulator: no key needed"),
        ("health", _health, "ask the running gateway whether it is well"),
    ):
        commands.add_parser(name, help=text, description=text).set_defaults(command=command)
    text = "install the gateway as a systemd service"
    service = commands.add_parser("install-service", help=text, description=text)
    service.add_argument("--user", action="store_true", help="for this user, not for the machine")
    service.add_argument("--print", action="store_true", help="show the units, write nothing")
    service.set_defaults(command=_install_service)
    _register_replay(commands)
    connect.register(commands, print)
    doctor.register(commands, print)
    return parser


def _register_replay(commands: Any) -> None:
    text = "run a recording (RECORD_DIR) through this version, and show what is different"
    replay = commands.add_parser("replay", help=text, description=text)
    replay.add_argument("file", type=Path, help="the recording")
    replay.add_argument(
        "--as",
        dest="dialect",
        choices=("chat", "messages"),
        help="show the answer as a client of this dialect would get it; compare nothing",
    )
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    replay.set_defaults(standalone=_replay)


def _replay(told: argparse.Namespace) -> int:
    """0: the same; 1: something is different; 2: the file cannot be read."""
    from proxy.recording.command import replay

    return replay(told.file, told.dialect, as_json=told.json, tell=_say)


def _serve(settings: Settings, _told: argparse.Namespace) -> int:
    logs.configure(settings)
    return _run(server.serve(settings, _greet))


def _demo(settings: Settings, _told: argparse.Namespace) -> int:
    logs.configure(replace(settings, log_format="console"))
    return _run(serve_demo(settings, _say))


def _run(main: Coroutine[Any, Any, None]) -> int:
    try:
        server.run(main)
    except (server.PortTakenError, SettingsError) as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(text: str) -> None:
    """At once, also into a file or a pipe."""
    print(text, flush=True)


def _greet(urls: list[str]) -> None:
    _say(f"Anthropic Proxy {__version__} listens on {' and '.join(urls)}")


def _health(settings: Settings, _told: argparse.Namespace) -> int:
    """0 if the gateway at HOST and PORT answers `GET /health` with 200."""
    url = f"{address_of(settings)}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with contextlib.closing(opener.open(url, timeout=_HEALTH_SECONDS)) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}")
        return 1


def _install_service(settings: Settings, told: argparse.Namespace) -> int:
    """Show the units, or write them and say what to type next."""
    service = install.user_service() if told.user else install.system_service()
    try:
        command = install.installed_command()
        units = install.units(service, settings, command)
        if not told.print:
            install.check_reach(service, command)
            install.write(service, units)
    except install.ServiceError as error:
        print(error)
        return 1
    if told.print:
        print("\n".join(f"# {unit.path}\n{unit.text}" for unit in units))
        return 0
    print("\n".join([*(f"Written: {unit.path}" for unit in units), "Now:", *service.next_steps]))
    return 0
