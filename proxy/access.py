"""Who may talk to the gateway: which hosts it answers to, which origins, with which key. Pure.

A page in a browser can send requests to localhost. Two rules keep it out: the `Host` must be a name
that cannot be a stranger's domain (DNS rebinding), and a foreign `Origin` is refused. Editors embed
browsers too; their origins have schemes of their own (`vscode-webview:`, `app:`) and pass.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

KEY_HEADER: Final = "x-gateway-key"
_LOCAL_NAMES: Final = ("localhost", "host.docker.internal")
_WEB_SCHEMES: Final = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Guard:
    """The policy: extra hosts and origins, and the gateway's own key (empty: none)."""

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    key: str = ""

    def knows_host(self, host: str) -> bool:
        """Whether `host` (a `Host` header) names this machine and not a domain of a stranger."""
        name = _without_port(host).lower().rstrip(".")
        return name in self.hosts or _is_nobodys_domain(name)

    def knows_origin(self, origin: str, host: str) -> bool:
        """Whether a request with this `Origin` may come in; none at all is no browser."""
        origin = origin.lower()
        if not origin or origin.rstrip("/") in self.origins:
            return True
        if origin in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return True
        return origin != "null" and not origin.startswith(_WEB_SCHEMES)

    def accepts_key(self, headers: Mapping[str, str]) -> bool:
        """Whether the gateway's key was presented, in whichever of the three places."""
        return not self.key or any(self.is_key(told) for told in _presented(headers))

    def is_key(self, told: str) -> bool:
        """Whether `told` is the gateway's key, compared in constant time."""
        return bool(self.key) and hmac.compare_digest(
            told.encode("utf-8", "surrogateescape"), self.key.encode()
        )


@lru_cache(maxsize=256)
def _is_nobodys_domain(name: str) -> bool:
    """Whether a host is named as this machine, by address, or by a name without a dot."""
    if not name:
        return False
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return "." not in name
    return True


def _presented(headers: Mapping[str, str]) -> tuple[str, ...]:
    bearer = headers.get("authorization", "").strip().partition(" ")[2].strip()
    return headers.get(KEY_HEADER, "").strip(), bearer, headers.get("x-api-key", "").strip()


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
