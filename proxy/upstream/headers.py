"""Which headers go to z.ai, and which of its headers come back to the client."""

from collections.abc import Mapping
from typing import Final

from proxy.dialects.changes import Changes
from proxy.routing import EndpointName

_FORWARDED: Final = ("user-agent", "x-claude-code-session-id")
_FORWARDED_TO_ANTHROPIC: Final = (*_FORWARDED, "anthropic-version", "anthropic-beta")
"""Client headers that mean something to z.ai (zai.md 1.1: identity and beta flags)."""

_ANTHROPIC_VERSION: Final = "2023-06-01"

_BREAKING_BETAS: Final = ("advanced-tool-use-",)
"""With it z.ai hides all tools behind a search (zai.md 1.1)."""

_REQUEST_IDS: Final = ("x-request-id", "request-id", "x-log-id")
UPSTREAM_REQUEST_ID: Final = "x-upstream-request-id"
_PASSED_BACK: Final = ("retry-after", "x-should-retry", "anthropic-ratelimit-")


def forwarded(
    client: Mapping[str, str], endpoint: EndpointName, key: str, changes: Changes
) -> dict[str, str]:
    """The headers of an upstream request: what the client's mean, and the key where it belongs."""
    names = _FORWARDED_TO_ANTHROPIC if endpoint == "anthropic" else _FORWARDED
    headers = {name: client[name] for name in names if client.get(name)}
    if endpoint == "anthropic":
        headers.setdefault("anthropic-version", _ANTHROPIC_VERSION)
        _keep_working_betas(headers, changes)
        headers["x-api-key"] = key
    else:
        headers["authorization"] = f"Bearer {key}"
    return {
        **headers,
        "content-type": "application/json",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
    }


def passed_back(upstream: Mapping[str, str], key: str) -> dict[str, str]:
    """What a client may want to know: limits, when to come back, the upstream's request id.

    A value that repeats `key`, or that is no plain text, is kept back.
    """
    told = {
        name.lower(): value
        for name, value in upstream.items()
        if name.lower().startswith(_PASSED_BACK) and _is_harmless(value, key)
    }
    own_id = next((upstream[name] for name in _REQUEST_IDS if name in upstream), None)
    if own_id and _is_harmless(own_id, key):
        told[UPSTREAM_REQUEST_ID] = own_id
    return told


def _is_harmless(value: str, key: str) -> bool:
    return value.isascii() and value.isprintable() and key not in value


def _keep_working_betas(headers: dict[str, str], changes: Changes) -> None:
    told = headers.get("anthropic-beta")
    if not told:
        return
    betas = [beta.strip() for beta in told.split(",")]
    working = [beta for beta in betas if not beta.startswith(_BREAKING_BETAS)]
    if len(working) == len(betas):
        return
    changes.add("anthropic-beta", "advanced-tool-use dropped, it hides all tools")
    if working:
        headers["anthropic-beta"] = ",".join(working)
    else:
        del headers["anthropic-beta"]
