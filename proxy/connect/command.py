"""The command itself: ask the gateway, then print, compare or write."""

import argparse
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Final

from proxy.commands import Tell
from proxy.connect.facts import Facts, gather
from proxy.connect.gateway import UnreachableError, address_of, ask
from proxy.connect.render import render
from proxy.connect.setup import ConfigFile, Setup, UnsafeEditError
from proxy.connect.tools import TOOLS, Tool
from proxy.connect.writing import carry_out, plan
from proxy.settings import Settings

_MODEL: Final = re.compile(r"[\w.:/\[\]-]+")
_LIST: Final = "\n".join(f"  {tool.name:<12} {tool.title}" for tool in TOOLS.values())


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.epilog = f"tools:\n{_LIST}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("tool", metavar="TOOL", choices=TOOLS, help="one of the list below")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--write", action="store_true", help="edit the tool's own file")
    how.add_argument("--check", action="store_true", help="say what differs; exit code 1 if any")
    parser.add_argument("--url", help="the gateway's address (default: HOST and PORT)")
    parser.add_argument(
        "--model",
        action="append",
        type=_model,
        help="model to set up, may be repeated (default: AUTOTEXT_MODEL and AUTOVISION_MODEL)",
    )
    parser.set_defaults(command=lambda settings, told: connect(settings, told, tell))


def _model(name: str) -> str:
    if not _MODEL.fullmatch(name):
        raise argparse.ArgumentTypeError("not a model name")
    return name


def connect(settings: Settings, told: argparse.Namespace, tell: Tell) -> int:
    """Do what the arguments say; 0 if all is as it should be, else 1."""
    try:
        gateway = ask(told.url or address_of(settings), settings.gateway_key)
    except UnreachableError as error:
        tell(str(error))
        return 1
    tool, home = TOOLS[told.tool], Path.home()
    facts = gather(gateway, settings, told.model or ())
    setup = tool.set_up(facts)
    if told.check:
        return _check(tool, setup, home, tell)
    if told.write:
        return _write(tool, setup, facts, home, tell)
    tell(render(tool, setup, facts, home).rstrip("\n"))
    return 0


def _check(tool: Tool, setup: Setup, home: Path, tell: Tell) -> int:
    """Compare files and environment with what they should be."""
    found = _differing_variables(setup)
    for file in setup.files:
        try:
            change = plan(file, home)
        except (UnsafeEditError, OSError, UnicodeError) as error:
            found.append(f"{file.location.path(home)}: {error}")
            continue
        if change.needed:
            found.append(change.difference())
    if not setup.files and not setup.environment:
        found.append(f"{tool.title} keeps its settings where they cannot be read from outside.")
    tell("\n".join(found) if found else f"{tool.title} is set up for this gateway.")
    return 1 if found else 0


def _differing_variables(setup: Setup) -> list[str]:
    """Variables that are missing, and addresses that are another one; values of keys are not
    looked at."""
    found = []
    for name, value in setup.environment.items():
        told = os.environ.get(name)
        if not told:
            found.append(f"{name} is not set in this shell.")
        elif value.startswith("http") and told.rstrip("/") != value:
            found.append(f"{name} is {told}, and should be {value}")
    return found


def _write(tool: Tool, setup: Setup, facts: Facts, home: Path, tell: Tell) -> int:
    """Change each file that needs it; what is left to do by hand is printed."""
    if not setup.files:
        tell(f"{tool.title} has no file that could be edited. The settings:\n")
        tell(render(tool, setup, facts, home).rstrip("\n"))
        return 1
    failures = sum(not _write_file(file, home, tell) for file in setup.files)
    for name, value in setup.environment.items():
        if not os.environ.get(name):
            tell(f'To do: export {name}="{value}"')
    return 1 if failures else 0


def _write_file(file: ConfigFile, home: Path, tell: Tell) -> bool:
    try:
        change = plan(file, home)
        if not change.needed:
            tell(f"{change.path} is right as it is.")
            return True
        tell(change.difference())
        backup = carry_out(change, datetime.now().astimezone())
    except UnsafeEditError as error:
        tell(f"{file.location.path(home)} was left alone: {error}\n\n{file.shown().rstrip()}")
        return False
    except (OSError, UnicodeError) as error:
        tell(f"{file.location.path(home)} could not be changed: {error}")
        return False
    tell(f"Written: {change.path}" + (f" (before: {backup})" if backup else ""))
    return True
