"""The command line: a table of commands, of which only the one that runs is imported.

So `serve`, which a tool may be waiting for, does not pay for the others. A command that sets
`standalone` reads the settings itself: wrong ones are what it may be asked about.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final

from proxy import __version__
from proxy.settings import Settings, SettingsError

_COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("proxy.commands.serve", "start the gateway (the default)"),
    "demo": ("proxy.commands.demo", "start it in front of a built-in simulator: no key needed"),
    "health": ("proxy.commands.health", "ask the running gateway whether it is well"),
    "connect": ("proxy.connect.command", "print, write or check the settings of a tool"),
    "doctor": ("proxy.doctor.command", "find out what is wrong, and how to put it right"),
    "replay": (
        "proxy.recording.command",
        "run a recording (RECORD_DIR) through this version, and show what is different",
    ),
    "install-service": ("proxy.service.command", "install the gateway as a systemd service"),
}
"""Name -> the module with its `register(parser, tell)`, and what it does."""

_DEFAULT: Final = "serve"
Command = Callable[[Settings, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 with a reason on the terminal."""
    try:
        return _run(arguments)
    except BrokenPipeError:  # whoever reads has had enough, as `head` has; nothing more may be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    told = _parser(arguments).parse_args(arguments)
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


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, whole for the command that `arguments` name, of the others name and purpose."""
    parser = argparse.ArgumentParser(
        "anthropic-proxy",
        description="Local gateway between developer tools and z.ai's GLM models.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands")
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    for name, (module, text) in _COMMANDS.items():
        own = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == chosen:
            import_module(module).register(own, _say)
    if chosen is None:
        import_module(_COMMANDS[_DEFAULT][0]).register(parser, _say)
    return parser


def _say(text: str) -> None:
    """At once, also into a file or a pipe."""
    print(text, flush=True)
