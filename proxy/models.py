"""What is known of each GLM model: one table (zai.md 2.5), looked up by name.

Windows and maximum outputs are tokens. An unknown name is not an error: new models work the day
they appear, with the defaults of a text model.
"""

from dataclasses import dataclass
from typing import Final, Literal

Effort = Literal["low", "medium", "high", "max"]

ROUTE_SUFFIXES: Final = ("-openai", "-anthropic")
"""Name endings with which a client forces an endpoint; never sent upstream."""

CLAUDE_PREFIX: Final = "claude-"
"""Claude Code lists only models whose id contains `claude`: each model has such an alias."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `efforts` are the `reasoning_effort` values its OpenAI-style endpoint takes."""

    name: str
    window: int
    max_output: int
    vision: bool = False
    efforts: tuple[Effort, ...] = ()
    always_thinks: bool = False
    streams_tools: bool = True


_K128, _K200, _M1 = 131_072, 202_752, 1_000_000
_52: Final[tuple[Effort, ...]] = ("high", "max")
_53: Final[tuple[Effort, ...]] = ("low", "high", "max")

KNOWN: Final[dict[str, Model]] = {
    model.name: model
    for model in (
        Model("glm-4.5", _K128, 131_072, streams_tools=False),
        Model("glm-4.5-air", _K128, 98_304, streams_tools=False),
        Model("glm-4.5-airx", _K128, 98_304, streams_tools=False),
        Model("glm-4.5-flash", _K128, 98_304, streams_tools=False),
        Model("glm-4.5v", 65_536, 16_384, vision=True, streams_tools=False),
        Model("glm-4.6", _K200, 131_072),
        Model("glm-4.6v", _K128, 32_768, vision=True),
        Model("glm-4.6v-flash", _K128, 32_768, vision=True),
        Model("glm-4.6v-flashx", _K128, 32_768, vision=True),
        Model("glm-4.7", _K200, 131_072),
        Model("glm-4.7-flash", _K200, 131_072),
        Model("glm-4.7-flashx", _K200, 131_072),
        Model("glm-5", _K200, 131_072),
        Model("glm-5.1", _K200, 131_072),
        Model("glm-5-turbo", _K200, 131_072),
        Model("glm-5v-turbo", _K200, 131_072, vision=True),
        Model("glm-5.2", _M1, 131_072, efforts=_52),
        Model("glm-5.3", _M1, 131_072, efforts=_53, always_thinks=True),
        Model("glm-5.3-flash", _M1, 131_072, vision=True, efforts=_53, always_thinks=True),
        Model("glm-5.3-flashx", _M1, 131_072, vision=True, efforts=_53, always_thinks=True),
    )
}

DEFAULT_MAX_TOKENS: Final = 32_768
"""`max_tokens` for an endpoint that needs one when the client gave none, if the cap allows it."""


def find(name: str) -> Model | None:
    """The known model of that name (any case), without suffixes, or None."""
    return KNOWN.get(name.lower())


def describe(name: str, text_window: int) -> Model:
    """The known model, or what to assume of a new one: a text model with `text_window` tokens."""
    return find(name) or Model(name, text_window, 131_072)
