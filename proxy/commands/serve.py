"""`serve`: the gateway in the foreground."""

import argparse
from collections.abc import Coroutine
from typing import Any

from proxy import __version__, logs, server
from proxy.commands import Tell
from proxy.settings import Settings, SettingsError


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.set_defaults(command=lambda settings, _told: serve(settings, tell))


def serve(settings: Settings, tell: Tell) -> int:
    """Serve until a stop signal."""
    logs.configure(settings)

    def greet(urls: list[str]) -> None:
        tell(f"Anthropic Proxy {__version__} listens on {' and '.join(urls)}")

    return run(server.serve(settings, greet), tell)


def run(main: Coroutine[Any, Any, None], tell: Tell) -> int:
    """Run `main` to its end; the exit code."""
    try:
        server.run(main)
    except (server.PortTakenError, SettingsError) as error:
        tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
