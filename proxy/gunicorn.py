"""Several processes on one port, by gunicorn: its configuration and its factory in one module.

    gunicorn --config python:proxy.gunicorn --workers 4

Each worker opens a socket of its own (`reuse_port`), so that the kernel spreads connections over
them: with one shared socket the first worker to wake takes all that wait. HOST, PORT and the rest
come from the environment as for `anthropic-proxy serve`; gunicorn's own options still win.
The names below without an underscore are gunicorn's settings (docs.gunicorn.org, Settings).
"""

import errno
import logging
import os
import socket
from importlib.util import find_spec
from math import ceil
from typing import Final

from aiohttp import web

from proxy import logs, server
from proxy.settings import Settings

_log: Final = logging.getLogger("proxy.gunicorn")
_SETTINGS: Final = Settings.from_environment()
_MARGIN_SECONDS: Final = 5
"""Between the end of a worker that ends itself and one that is killed."""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_here(host: str) -> bool:
    """Whether this machine has the address; gunicorn ends where it lacks one (say ::1)."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError as error:
        return error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True


wsgi_app = "proxy.gunicorn:runner"
worker_class = (
    "aiohttp.GunicornUVLoopWebWorker" if find_spec("uvloop") else "aiohttp.GunicornWebWorker"
)
bind = [f"{_bracketed(host)}:{_SETTINGS.port}" for host in _SETTINGS.host if _is_here(host)]
reuse_port = True
graceful_timeout = ceil(server.shutdown_seconds(_SETTINGS)) + _MARGIN_SECONDS
# A worker that drains does not answer the arbiter, so silence is allowed for as long.
timeout = graceful_timeout
# It would be written to the home directory; nothing here needs it.
control_socket_disable = True


def post_worker_init(_worker: object) -> None:
    """A worker has started."""
    server.settle()


async def runner() -> web.AppRunner:
    """What a worker serves: called in each of them, inside its event loop.

    Raises SettingsError when the environment is wrong.
    """
    settings = Settings.from_environment()
    logs.configure(settings)
    _log.info("worker starts", extra={"pid": os.getpid()})
    return server.make_runner(settings)
