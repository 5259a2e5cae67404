"""`install-service`: shows the units, or writes them and says what to type next."""

import argparse

from proxy.commands import Tell
from proxy.service import install
from proxy.settings import Settings


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.add_argument("--user", action="store_true", help="for this user, not for the machine")
    parser.add_argument("--print", action="store_true", help="show the units, write nothing")
    parser.set_defaults(command=lambda settings, told: install_service(settings, told, tell))


def install_service(settings: Settings, told: argparse.Namespace, tell: Tell) -> int:
    """0, or 1 where it cannot be done."""
    service = install.user_service() if told.user else install.system_service()
    try:
        command = install.installed_command()
        units = install.units(service, settings, command)
        if not told.print:
            install.check_reach(service, command)
            install.write(service, units)
    except install.ServiceError as error:
        tell(str(error))
        return 1
    if told.print:
        tell("\n".join(f"# {unit.path}\n{unit.text}" for unit in units))
        return 0
    tell("\n".join([*(f"Written: {unit.path}" for unit in units), "Now:", *service.next_steps]))
    return 0
