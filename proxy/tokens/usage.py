"""What a reply cost: one record of raw numbers, read from and written to either dialect.

Chat's `prompt_tokens` includes cached tokens, Messages' `input_tokens` excludes them (zai.md 0.9);
the record holds them apart. Scaling happens only where numbers are written, so it happens once,
and each field a client reads is the nearest integer to raw x factor; sums are made after scaling.
"""

from typing import Any, Final

from msgspec import Struct

from proxy.loose_json import mapping
from proxy.tokens.scale import Scale

UNSCALED: Final = Scale()


def _count(value: object) -> int | None:
    return max(value, 0) if type(value) is int else None


class Usage(Struct, frozen=True):
    """Tokens as the upstream told them, unscaled; None is "not told".

    `input` excludes `cache_read` and `cache_creation`; `output` includes `reasoning`.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_creation: int | None = None
    output: int | None = None
    reasoning: int | None = None

    @classmethod
    def from_messages(cls, usage: object) -> "Usage":
        """Read a Messages usage object; anything that is not a count is "not told"."""
        told = mapping(usage).get
        return cls(
            input=_count(told("input_tokens")),
            cache_read=_count(told("cache_read_input_tokens")),
            cache_creation=_count(told("cache_creation_input_tokens")),
            output=_count(told("output_tokens")),
        )

    @classmethod
    def from_chat(cls, usage: object) -> "Usage":
        """Read a Chat usage object; cached tokens are taken out of the prompt, not below 0."""
        told = mapping(usage)
        prompt = _count(told.get("prompt_tokens"))
        cached = _count(mapping(told.get("prompt_tokens_details")).get("cached_tokens"))
        details = mapping(told.get("completion_tokens_details"))
        if prompt is not None and cached is not None:
            cached = min(cached, prompt)
        return cls(
            input=None if prompt is None else prompt - (cached or 0),
            cache_read=cached,
            output=_count(told.get("completion_tokens")),
            reasoning=_count(details.get("reasoning_tokens")),
        )

    def updated(self, later: "Usage") -> "Usage":
        """This record with every number that `later` tells: the last word is the upstream's."""
        return Usage(
            input=self.input if later.input is None else later.input,
            cache_read=self.cache_read if later.cache_read is None else later.cache_read,
            cache_creation=(
                self.cache_creation if later.cache_creation is None else later.cache_creation
            ),
            output=self.output if later.output is None else later.output,
            reasoning=self.reasoning if later.reasoning is None else later.reasoning,
        )

    @property
    def prompt(self) -> int:
        """All tokens of the prompt, cached ones included."""
        return (self.input or 0) + (self.cache_read or 0) + (self.cache_creation or 0)

    def as_messages(self, scale: Scale = UNSCALED) -> dict[str, int]:
        """The four keys of a Messages usage object, scaled; all of them, always (zai.md 3)."""
        scaled = scale.apply
        return {
            "input_tokens": scaled(self.input or 0),
            "cache_creation_input_tokens": scaled(self.cache_creation or 0),
            "cache_read_input_tokens": scaled(self.cache_read or 0),
            "output_tokens": scaled(self.output or 0),
        }

    def as_chat(self, scale: Scale = UNSCALED) -> dict[str, Any]:
        """A Chat usage object, scaled; the three integers always, `total` their sum."""
        prompt, completion = scale.apply(self.prompt), scale.apply(self.output or 0)
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if self.cache_read is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": scale.apply(self.cache_read)}
        if self.reasoning is not None:
            reasoning = min(scale.apply(self.reasoning), completion)
            usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
        return usage


def relay_messages_usage(told: object, known: Usage, scale: Scale) -> dict[str, Any]:
    """A Messages usage object passed on: counts scaled, unknown fields kept."""
    return {**_scaled(told, scale), **known.as_messages(scale)}


def relay_chat_usage(told: object, known: Usage, scale: Scale) -> dict[str, Any]:
    """A Chat usage object passed on: counts scaled, unknown fields kept."""
    usage = _scaled(told, scale)
    for name, value in known.as_chat(scale).items():
        usage[name] = {**mapping(usage.get(name)), **value} if isinstance(value, dict) else value
    return usage


def _scaled(usage: object, scale: Scale) -> dict[str, Any]:
    """A usage object with each `..._tokens` in it scaled, however deep, and the rest as it was."""
    scaled = dict(mapping(usage))
    for name, value in scaled.items():
        if type(value) is int and name.endswith("_tokens"):
            scaled[name] = scale.apply(value)
        elif isinstance(value, dict):
            scaled[name] = _scaled(value, scale)
    return scaled
