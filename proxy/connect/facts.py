"""What every tool has to be told, before it is put into that tool's words.

The window that a tool shall believe in follows from token scaling: with `expected` and `real` the
gateway scales to the window that clients of a dialect believe in; with `off` the tool must know the
model's own (docs/routing.md). The running gateway says which; keys are read from the settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from proxy import models
from proxy.connect.gateway import Gateway, Listed
from proxy.errors import DialectName
from proxy.settings import Settings

_LONGEST_ANSWER: Final = 65_536
"""Tools reserve the answer's tokens in the window: z.ai's 131,072 would leave nothing of it."""


@dataclass(frozen=True, slots=True)
class ClientModel:
    """A model as a tool shall see it, in tokens."""

    name: str
    window: int
    output: int


@dataclass(frozen=True, slots=True)
class Facts:
    """The gateway, the models to set up (the first one is the default) and the key to send.

    `key` is the name of the environment variable that holds the key; `own_key` says that the
    gateway uses a key of its own, so that any text will do.
    """

    gateway: Gateway
    chat: tuple[ClientModel, ...]
    messages: tuple[ClientModel, ...]
    key: str = "ZAI_KEY"
    own_key: bool = False
    gateway_key_apart: bool = False
    total_seconds: float = 3_600.0

    @property
    def openai_base(self) -> str:
        """The base URL of OpenAI clients, which append `/chat/completions`."""
        return f"{self.gateway.url}/v1"

    @property
    def anthropic_base(self) -> str:
        """The base URL of Anthropic clients, which append `/v1/messages`."""
        return self.gateway.url

    @property
    def model(self) -> ClientModel:
        """The default model, as an OpenAI client shall see it."""
        return self.chat[0]


def gather(gateway: Gateway, settings: Settings, names: Sequence[str] = ()) -> Facts:
    """The facts for `names`, or for the default text and vision model if none are named."""
    asked = dict.fromkeys(names or gateway.default_models)
    found = [_listed(name, gateway, settings) for name in asked]
    behind_key = bool(settings.gateway_key)
    return Facts(
        gateway,
        chat=tuple(_as_seen(model, "chat", gateway) for model in found),
        messages=tuple(_as_seen(model, "messages", gateway) for model in found),
        key="GATEWAY_KEY" if behind_key and settings.server_api_key else "ZAI_KEY",
        own_key=bool(settings.server_api_key) and not behind_key,
        gateway_key_apart=behind_key and not settings.server_api_key,
        total_seconds=settings.total_seconds,
    )


def _listed(name: str, gateway: Gateway, settings: Settings) -> Listed:
    """The gateway's entry, or what it assumes of a model that it does not know."""
    plain = name
    for suffix in models.ROUTE_SUFFIXES:
        plain = plain.removesuffix(suffix)
    known = gateway.models.get(plain)
    if known:
        return Listed(name, known.window, known.max_output)
    assumed = models.describe(plain, settings.real_text_model_tokens)
    return Listed(name, assumed.window, assumed.max_output)


def _as_seen(model: Listed, dialect: DialectName, gateway: Gateway) -> ClientModel:
    window = model.window if gateway.windows is None else gateway.windows[dialect]
    return ClientModel(model.name, window, min(model.max_output, _LONGEST_ANSWER))
