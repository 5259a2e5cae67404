"""`demo`: the gateway in front of the simulator."""

import argparse
from dataclasses import replace

from proxy import logs
from proxy.commands import Tell
from proxy.commands.serve import run
from proxy.demo import serve_demo
from proxy.settings import Settings


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.set_defaults(command=lambda settings, _told: demo(settings, tell))


def demo(settings: Settings, tell: Tell) -> int:
    """Serve until a stop signal, logging for people."""
    logs.configure(replace(settings, log_format="console"))
    return run(serve_demo(settings, tell), tell)
