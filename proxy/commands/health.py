"""`health`: for containers and scripts, whether the gateway at HOST and PORT is well."""

import argparse
import contextlib
import urllib.error
import urllib.request
from typing import Final

from proxy.commands import Tell
from proxy.connect.gateway import address_of
from proxy.settings import Settings

_SECONDS: Final = 3.0


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.set_defaults(command=lambda settings, _told: health(settings, tell))


def health(settings: Settings, tell: Tell) -> int:
    """0 if `GET /health` answers with 200."""
    url = f"{address_of(settings)}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with contextlib.closing(opener.open(url, timeout=_SECONDS)) as answer:
            return 0 if answer.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        tell(f"{url}: {error}")
        return 1
