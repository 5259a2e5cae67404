"""Checking a decoded body against typed structures, with errors that name the field.

The decoded JSON stays the truth (a relay passes it on, unknown fields and all); the typed view
shares its strings and exists to be read safely.
"""

import re
from typing import Any, Final, TypeVar

import msgspec

from proxy.errors import invalid

T = TypeVar("T")

_PATH: Final = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)


def check(value: Any, kind: type[T], at: str = "") -> T:
    """`value` as a `kind`. Raises GatewayError (400) that names the field below `at`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = _PATH.match(str(error))
        what, path = (found["what"], found["path"] or "") if found else (str(error), "")
        field = f"{at}{path}".lstrip(".")
        raise invalid(f"{field or 'body'}: {_lower(what)}", field or None) from None


def as_a(value: Any, kind: type[T]) -> T | None:
    """`value` as a `kind`, or None if it is none."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError):
        return None


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
