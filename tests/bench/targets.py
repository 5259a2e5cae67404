"""What stands between clients and upstream: nothing, nginx, a bare proxy, or the gateway.

nginx is the yardstick: plain pass-through in C, one worker, no buffering. Where it is not installed
the direct connection is all there is to compare with: the upstream's own CPU time for the same
replies.
"""

import contextlib
import http.client
import shutil
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench.lanes import HEADERS, Lane
from bench.processes import Child
from proxy.errors import DialectName
from proxy.routing import EndpointName

TargetName = Literal["direct", "nginx", "bare", "gateway"]

UPSTREAM_PATHS: Final[dict[EndpointName, str]] = {
    "anthropic": "/api/anthropic/v1/messages",
    "openai": "/api/coding/paas/v4/chat/completions",
}
PATHS: Final[dict[DialectName, str]] = {
    "messages": "/v1/messages",
    "chat": "/v1/chat/completions",
}
_START_SECONDS: Final = 30.0
_SYSTEM_PROGRAMS: Final = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
_NGINX: Final = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log error;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_max_body_size 64m; client_body_buffer_size 8m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000; tcp_nodelay on;
  upstream zai {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    proxy_read_timeout 300s;
    location = /health {{ return 200; }}
    location = /v1/messages {{ proxy_pass http://zai{messages}; }}
    location = /v1/chat/completions {{ proxy_pass http://zai{chat}; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that listens on `port`; `child` is the process whose CPU time counts."""

    name: TargetName
    port: int
    child: Child

    def takes(self, lane: Lane) -> bool:
        """Whether the lane can go through it."""
        if self.name == "bare":
            return lane.relayed and lane.kind != "paced"
        return lane.relayed or self.name == "gateway"

    def path(self, lane: Lane) -> str:
        """Where the lane's requests go."""
        return UPSTREAM_PATHS[lane.endpoint] if self.name == "direct" else PATHS[lane.client]

    def body(self, lane: Lane) -> str:
        """What they say; only the gateway knows models with an endpoint in their name."""
        return lane.body(f"glm-4.5-{lane.endpoint}" if self.name == "gateway" else "glm-4.5")

    def order(self, lane: Lane, requests: int) -> dict[str, object]:
        """The lane's requests, as `load.py` takes them."""
        return {
            "port": self.port,
            "path": self.path(lane),
            "headers": HEADERS[lane.client],
            "body": self.body(lane),
            "connections": min(lane.connections, requests),
            "requests": requests,
            "ramp": lane.ramp,
            "holds": False,
        }


def start_upstream(folder: Path, *certificate: str) -> tuple[Child, int]:
    """The upstream and its port; with TLS if given certificate and key."""
    child = Child.python("bench.upstream", folder / "upstream.log", *certificate)
    return child, int(child.line())


def start_gateway(
    folder: Path,
    origin: str,
    settings: Mapping[str, str] | None = None,
    *,
    program: Sequence[str] = (sys.executable, "-m", "proxy"),
) -> tuple[Target, float]:
    """A gateway before the upstream at `origin`; the seconds until it said that it is well.

    Its settings are the defaults: routing, scaling, counting, logging and watchdogs are on.
    """
    port = _free_port()
    env = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "UPSTREAM_BASE": f"{origin}/api/anthropic",
        "OPENAI_UPSTREAM_BASE": f"{origin}/api/coding/paas/v4",
        **(settings or {}),
    }
    begun = time.monotonic()
    child = Child(program, folder / "gateway.log", measured=True, env=env)
    return Target("gateway", port, child), _healthy(child, port) - begun


def nginx_program() -> str | None:
    """Where nginx is, if it is installed."""
    return shutil.which("nginx") or shutil.which("nginx", path=_SYSTEM_PROGRAMS)


def start_nginx(program: str, folder: Path, upstream: int) -> tuple[Target, float]:
    """nginx before the upstream, and the seconds until it answered."""
    port = _free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            folder=folder,
            port=port,
            upstream=upstream,
            messages=UPSTREAM_PATHS["anthropic"],
            chat=UPSTREAM_PATHS["openai"],
        )
    )
    command = [program, "-e", f"{folder}/nginx.log", "-p", str(folder), "-c", str(configuration)]
    begun = time.monotonic()
    child = Child(command, folder / "nginx.log", measured=True)
    return Target("nginx", port, child), _healthy(child, port) - begun


def start_bare(folder: Path, upstream: int) -> Target:
    """The bare proxy before the upstream."""
    port = _free_port()
    command = [sys.executable, "-m", "bench.bare", str(port), str(upstream)]
    child = Child(command, folder / "bare.log", measured=True)
    _healthy(child, port)
    return Target("bare", port, child)


def _healthy(child: Child, port: int) -> float:
    """When it first answered. Raises RuntimeError if it ends, or takes too long."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and child.running:
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(asking):
            asking.request("GET", "/health")
            if asking.getresponse().status == 200:
                return time.monotonic()
        time.sleep(0.005)
    child.stop()
    raise RuntimeError(f"{child} does not answer")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
