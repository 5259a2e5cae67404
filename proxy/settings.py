"""Every environment variable: its name, type, default, check and one line of explanation, once.

`Settings` fields are the variables in lower case; `.env.example` and the configuration page are
held against this file by a test. All mistakes are told at once, by variable name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from environs import Env, EnvValidationError, ValidationError, validate

from proxy.access import Guard
from proxy.routing import RoutingPolicy
from proxy.tokens.scale import TokenScaling, Windows

T = TypeVar("T")


class SettingsError(ValueError):
    """The configuration is wrong; `mistakes` maps variable names to what is wrong with each."""

    def __init__(self, mistakes: Mapping[str, list[str]]) -> None:
        self.mistakes = mistakes
        lines = [f"  {name}: {' '.join(texts)}" for name, texts in mistakes.items()]
        super().__init__("\n".join(["The configuration is wrong:", *lines]))


def _setting(default: T, text: str, *checks: Callable[[Any], object], secret: bool = False) -> T:
    """A setting with its default, explanation and checks."""
    value: T = field(default=default, repr=not secret, metadata={"text": text, "checks": checks})
    return value


def _at_least(least: float) -> Callable[[Any], object]:
    return validate.Range(min=least)


def _url(value: str) -> None:
    if not value.startswith(("http://", "https://")) or not value.split("//", 1)[1]:
        raise ValidationError("Must be an http:// or https:// URL.")


def _printable(value: str) -> None:
    if not (value.isascii() and value.isprintable()):
        raise ValidationError("Must be printable ASCII.")


def _model_map(value: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(value or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        raise ValidationError("Must be a JSON object from names to names.") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a listener on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


_OPEN_WITH_OUR_KEY: Final = (
    "Must be set when HOST is not a loopback address and SERVER_API_KEY is: "
    "otherwise everybody on the network could use that key."
)
_OPEN_WITH_PROMPTS: Final = (
    "Must be set when HOST is not a loopback address and CAPTURE is: "
    "otherwise everybody on the network could read prompts and answers."
)
_POSITIVE: Final = _at_least(1)
_NOT_NEGATIVE: Final = _at_least(0)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration. Tokens are tokens, seconds seconds, megabytes 1,048,576 bytes."""

    host: tuple[str, ...] = _setting(
        ("127.0.0.1", "::1"), "addresses to listen on, separated by commas"
    )
    port: int = _setting(5000, "port to listen on", validate.Range(min=0, max=65_535))

    upstream_base: str = _setting(
        "https://api.z.ai/api/anthropic", "z.ai's Anthropic-style endpoint (text)", _url
    )
    openai_upstream_base: str = _setting(
        "https://api.z.ai/api/coding/paas/v4",
        "z.ai's OpenAI-style endpoint (text and images); pay-as-you-go keys: .../api/paas/v4",
        _url,
    )

    forward_client_key: bool = _setting(True, "send the client's own key upstream")
    server_api_key: str = _setting(
        "", "key to use when the client sends none, or always", _printable, secret=True
    )

    autotext_model: str = _setting(
        "glm-4.5", "model for requests that name none we know how to map"
    )
    autovision_model: str = _setting("glm-4.5v", "model for images when the asked one cannot see")
    model_map_json: str = _setting(
        "",
        'JSON object from asked to used names, `*` allowed: {"gpt-*": "glm-4.6-openai"}',
        _model_map,
    )

    token_scaling: TokenScaling = _setting(  # noqa: RUF009 - a dataclass field
        "expected", "expected, real or off", validate.OneOf(["expected", "real", "off"])
    )
    anthropic_expected_tokens: int = _setting(
        200_000, "context window that Messages clients believe in", _POSITIVE
    )
    openai_expected_tokens: int = _setting(
        128_000, "context window that Chat clients believe in", _POSITIVE
    )
    real_text_model_tokens: int = _setting(
        128_000, "real context window of the text models", _POSITIVE
    )
    real_vision_model_tokens: int = _setting(
        65_536, "real context window of the vision models", _POSITIVE
    )
    count_tokens: Literal["local", "upstream"] = _setting(
        "local",
        "who answers count_tokens: local or upstream",
        validate.OneOf(["local", "upstream"]),
    )

    upstream_concurrency: str = _setting(
        "auto",
        "replies open at once per key: auto (learnt from refusals), a number, or 0 for no limit",
        validate.Regexp(r"auto|\d{1,4}"),
    )
    retry_seconds: float = _setting(
        6.0, "how long refused requests are tried again before content; 0: never", _NOT_NEGATIVE
    )
    hold_seconds: float = _setting(
        8.0, "how long a stream's status line waits for the first real event", _NOT_NEGATIVE
    )
    warm_connections: int = _setting(
        1, "TLS connections kept open to each base while in use; 0: none", _NOT_NEGATIVE
    )
    connect_seconds: float = _setting(15.0, "limit for connecting upstream", _at_least(0.1))
    first_event_seconds: float = _setting(
        600.0, "limit for the upstream's first real event", _at_least(0.1)
    )
    upstream_idle_seconds: float = _setting(
        600.0, "limit for silence of the upstream within a reply", _at_least(0.1)
    )
    total_seconds: float = _setting(3_600.0, "limit for a whole reply", _at_least(1))
    drain_seconds: float = _setting(
        30.0, "how long live streams may go on after a stop signal", _NOT_NEGATIVE
    )

    allowed_hosts: tuple[str, ...] = _setting(
        (), "further names by which clients reach the gateway, separated by commas"
    )
    allowed_origins: tuple[str, ...] = _setting(
        (), "web origins whose pages may use the gateway, separated by commas"
    )
    gateway_key: str = _setting(
        "", "key that clients must present to the gateway itself", _printable, secret=True
    )
    published_on_loopback: bool = _setting(
        False, "the port is reachable from this machine only (set by docker-compose.yml)"
    )

    max_body_mb: int = _setting(64, "largest request body, decompressed", _POSITIVE)
    max_frame_mb: int = _setting(16, "largest single frame of an upstream stream", _POSITIVE)

    record_dir: str = _setting(
        "", "directory for recordings of requests and answers, prompts included; empty: none"
    )
    capture: bool = _setting(
        False, "keep the last prompts and answers in memory and show them on the live page"
    )

    log_format: Literal["auto", "json", "console"] = _setting(
        "auto",
        "json, console, or auto: console on a terminal, else json",
        validate.OneOf(["auto", "json", "console"]),
    )
    log_level: str = _setting(
        "info",
        "debug, info, warning or error",
        validate.OneOf(["debug", "info", "warning", "error"]),
    )

    def __post_init__(self) -> None:
        """Refuse combinations that cannot work."""
        if not self.forward_client_key and not self.server_api_key:
            raise SettingsError(
                {"SERVER_API_KEY": ["Must be set when FORWARD_CLIENT_KEY is false."]}
            )
        if self._is_open() and self.server_api_key:
            raise SettingsError({"GATEWAY_KEY": [_OPEN_WITH_OUR_KEY]})
        if self._is_open() and self.capture:
            raise SettingsError({"GATEWAY_KEY": [_OPEN_WITH_PROMPTS]})
        for name in ("upstream_base", "openai_upstream_base"):
            object.__setattr__(self, name, getattr(self, name).rstrip("/"))

    def _is_open(self) -> bool:
        """Whether anybody on the network may come in."""
        guarded = self.gateway_key or self.published_on_loopback
        return not guarded and not all(is_loopback(host) for host in self.host)

    @property
    def guard(self) -> Guard:
        """The part that the guard reads."""
        return Guard(
            frozenset(host.lower() for host in self.allowed_hosts),
            frozenset(origin.rstrip("/").lower() for origin in self.allowed_origins),
            self.gateway_key,
        )

    @property
    def routing(self) -> RoutingPolicy:
        """The part that routing reads."""
        return RoutingPolicy(
            self.autotext_model, self.autovision_model, _model_map(self.model_map_json)
        )

    @cached_property
    def windows(self) -> Windows:
        """The part that token scaling reads."""
        return Windows(
            self.anthropic_expected_tokens,
            self.openai_expected_tokens,
            self.real_text_model_tokens,
            self.real_vision_model_tokens,
        )

    @classmethod
    def from_environment(cls, dotenv: str | None = ".env") -> "Settings":
        """Read the environment, and `dotenv` for what is not in it. Raises SettingsError."""
        env = Env(eager=False)
        if dotenv and Path(dotenv).is_file():
            env.read_env(dotenv, recurse=False)
        values = {name.lower(): _read(env, name) for name in variables()}
        try:
            env.seal()
        except EnvValidationError as error:
            raise SettingsError(_named(error)) from None
        return cls(**values)


def variables() -> dict[str, tuple[str, str]]:
    """Variable name -> (default as one would write it, explanation), in the order of the page."""
    return {
        setting.name.upper(): (_written(setting.default), setting.metadata["text"])
        for setting in fields(Settings)
    }


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _read(env: Env, name: str) -> Any:
    """One variable by the type of its default; an empty one counts as not set."""
    setting = next(each for each in fields(Settings) if each.name == name.lower())
    default, checks = setting.default, list(setting.metadata["checks"])
    if not env.str(name, "").strip():
        return default
    if isinstance(default, bool):
        return env.bool(name)
    if isinstance(default, int):
        return env.int(name, validate=checks)
    if isinstance(default, float):
        return env.float(name, validate=checks)
    if isinstance(default, tuple):
        return _parts(env.str(name))
    return env.str(name, validate=checks)


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _named(error: EnvValidationError) -> dict[str, list[str]]:
    messages = error.error_messages
    if isinstance(messages, Mapping):
        return {name: [str(text) for text in texts] for name, texts in messages.items()}
    return {"?": [str(messages)]}
