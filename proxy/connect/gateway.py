"""Asking the running gateway who it is and which models it lists.

Plain blocking calls: two small requests before anything else happens. The way is never through an
HTTP proxy when the gateway is on this machine.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from proxy import models
from proxy.access import KEY_HEADER
from proxy.errors import DialectName
from proxy.settings import Settings, is_loopback

_SECONDS: Final = 3.0


class UnreachableError(Exception):
    """Nothing that answers like a gateway is there; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as the gateway lists it; window and largest answer are tokens."""

    name: str
    window: int
    max_output: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: its address without a path, its version, its models by name.

    `default_models` are those for text and for images, `windows` the tokens that clients of each
    dialect are to believe in; None where a model's own window is right.
    """

    url: str
    version: str
    models: Mapping[str, Listed]
    default_models: tuple[str, str]
    windows: Mapping[DialectName, int] | None


def address_of(settings: Settings) -> str:
    """The URL at which this machine reaches a gateway that was started with these settings."""
    return f"http://{_reachable(settings.host[0])}:{settings.port}"


def _reachable(host: str) -> str:
    """The address to call for an address to listen on: a wildcard is reached over loopback."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{host}]" if address.version == 6 else host


def ask(url: str, gateway_key: str = "") -> Gateway:
    """The gateway at `url`, which may end in a slash or `/v1`. Raises UnreachableError."""
    url = url.rstrip("/").removesuffix("/v1")
    health = fetch(f"{url}/health")
    if not isinstance(health.get("version"), str) or "upstreams" not in health:
        raise UnreachableError(f"What answers at {url} is not this gateway. Is PORT right?")
    clients = health.get("clients")
    if not isinstance(clients, dict):
        raise UnreachableError(f"The gateway at {url} is an older version: restart it.")
    listed = fetch(f"{url}/v1/models", gateway_key)
    defaults = clients["models"]["text"], clients["models"]["vision"]
    return Gateway(url, health["version"], _models(listed), defaults, clients["windows"])


def fetch(url: str, gateway_key: str = "") -> dict[str, Any]:
    """The JSON object at `url`. Raises UnreachableError."""
    if not url.startswith(("http://", "https://")):
        raise UnreachableError(f"{url} is no http:// or https:// URL.")
    headers = {KEY_HEADER: gateway_key} if gateway_key else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    direct = [urllib.request.ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []
    try:
        with urllib.request.build_opener(*direct).open(request, timeout=_SECONDS) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        raise UnreachableError(
            f"{url} answered with {error.code}. {_advice(url, error)}"
        ) from error
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(
            f"No gateway answers at {url} ({reason}). Start it (anthropic-proxy), or name its "
            "address with --url."
        ) from error
    return told if isinstance(told, dict) else {}


def _advice(url: str, error: urllib.error.HTTPError) -> str:
    """`/health` is open to everybody, the list of models is not."""
    if error.code == 401 and not url.endswith("/health"):
        return "It has a GATEWAY_KEY: set that variable here, too."
    return "What answers there is not this gateway. Is PORT right?"


def _models(listed: Mapping[str, Any]) -> dict[str, Listed]:
    """The plain names: those that force an endpoint are left out."""
    entries = listed.get("data")
    found = [
        Listed(entry["id"], entry["context_window"], entry["max_output_tokens"])
        for entry in (entries if isinstance(entries, list) else [])
        if not entry["id"].endswith(models.ROUTE_SUFFIXES)
    ]
    return {model.name: model for model in found}
