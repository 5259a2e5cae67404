"""Where a request goes and why: a pure function from model name and content to a `Route`.

The name is reduced step by step (map, `[1m]`, suffix, `claude-` alias); then content decides:
images need a model that sees, and such models live on the OpenAI endpoint alone (zai.md 1.1).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, Literal

from proxy import models

EndpointName = Literal["anthropic", "openai"]

_WIDE_CONTEXT: Final = "[1m]"
_USUAL_LENGTH: Final = 128
"""Routes of longer names, which nobody asks for twice, are not remembered."""

NAME_LIMIT: Final = 200
"""A model's name is the client's own, of any length; so much of it is told."""

_VISION_NAME: Final = re.compile(r"glm-\d+(\.\d+)?v(-|$)")
"""How z.ai names models that see, so that one not yet in the table is served as one."""


@dataclass(frozen=True, slots=True, eq=False)
class RoutingPolicy:
    """What the configuration says: default models and the map that overrides every rule.

    Policies are the same if they are one: routes are remembered by policy.
    """

    text_model: str = "glm-4.5"
    vision_model: str = "glm-4.5v"
    model_map: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """The decision: `model` goes upstream to `endpoint`, the client is answered as `asked`.

    `vision` says that the model sees images; `reason` is for people.
    """

    endpoint: EndpointName
    model: str
    asked: str
    vision: bool
    reason: str

    def told(self) -> "Route":
        """The same, with names as long as they are told."""
        if len(self.asked) <= NAME_LIMIT and len(self.model) <= NAME_LIMIT:
            return self
        return replace(self, asked=self.asked[:NAME_LIMIT], model=self.model[:NAME_LIMIT])


def choose(asked: str | None, *, has_images: bool, policy: RoutingPolicy) -> Route:
    """The route for a request that asks for `asked` (None or empty: nothing asked)."""
    asked = asked or ""
    choosing = _choose if len(asked) <= _USUAL_LENGTH else _choose.__wrapped__
    return choosing(asked, has_images, policy)


@lru_cache(maxsize=1_024)
def _choose(asked: str, has_images: bool, policy: RoutingPolicy) -> Route:
    asked = asked.strip()
    name, reason = _mapped(asked, policy.model_map) if asked else ("", "no model asked")
    name, forced = _without_suffix(name)
    model, alias = _resolve(name)
    if not model:
        model, default_forced = _without_suffix(policy.text_model)
        forced = forced or default_forced
    vision_model, _ = _without_suffix(policy.vision_model)
    sees = _sees(model, vision_model)
    reasons = [text for text in (reason, alias) if text]
    if has_images:
        if not sees:
            model, sees = vision_model, True
        endpoint: EndpointName = "openai"
        reasons.append("images")
    elif sees:
        endpoint = "openai"
        reasons.append("vision model")
    elif forced:
        endpoint = forced
        reasons.append(f"-{forced} asked")
    else:
        endpoint = "anthropic"
        reasons.append("text")
    return Route(endpoint, model, asked or policy.text_model, sees, ", ".join(reasons))


def _mapped(asked: str, model_map: Mapping[str, str]) -> tuple[str, str]:
    """The configured name for `asked`: an exact entry first, then the first pattern that fits.

    `[1m]` is a mark of the client's, which an entry need not repeat.
    """
    for name in (asked, _without_mark(asked)):
        if name in model_map:
            return model_map[name], "MODEL_MAP_JSON"
    for pattern, target in model_map.items():
        if "*" in pattern and fnmatchcase(asked, pattern):
            return target, "MODEL_MAP_JSON"
    return asked, ""


def _without_mark(name: str) -> str:
    return name[: -len(_WIDE_CONTEXT)] if name.lower().endswith(_WIDE_CONTEXT) else name


def _without_suffix(name: str) -> tuple[str, EndpointName | None]:
    """The name without `[1m]` and without a route suffix, and the endpoint it forces."""
    name = _without_mark(name.strip())
    for suffix in models.ROUTE_SUFFIXES:
        if name.lower().endswith(suffix):
            forced: EndpointName = "openai" if suffix == "-openai" else "anthropic"
            return _without_mark(name[: -len(suffix)]), forced
    return name, None


def _resolve(name: str) -> tuple[str, str]:
    """The name to send upstream (empty: the default text model) and what was made of it."""
    known = models.find(name)
    if known:
        return known.name, ""
    if name.lower().startswith(models.CLAUDE_PREFIX):
        aliased = models.find(name[len(models.CLAUDE_PREFIX) :])
        return (aliased.name, "claude alias") if aliased else ("", "claude name")
    return name, ""


def _sees(model: str, vision_model: str) -> bool:
    """Whether a model sees: as the table says, else if configured or named as one that does."""
    known = models.find(model)
    if known:
        return known.vision
    return model == vision_model or _VISION_NAME.match(model.lower()) is not None
