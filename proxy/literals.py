"""Texts as the JSON literals that came: what nobody here reads is neither decoded nor written anew.

An agent sends its whole history with each request, and to decode and encode it is most of what such
a request costs. So in requests like most (`dialects/usual.py`) the contents of messages stay
literals: views of the body's bytes, checked as JSON, which go upstream as they are. Whether a text
is UTF-8 is left to the upstream, whose reader it is.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Raw

Text: TypeAlias = str | Raw
"""A text, or the literal of one."""

EMPTY: Final = Raw(b'""')
NULL: Final = Raw(b"null")
"""What stands where a text is missing."""

_QUOTE: Final = ord('"')


def is_text(literal: Raw) -> bool:
    """Whether it is a JSON string."""
    return memoryview(literal)[0] == _QUOTE


def read(told: Text) -> str:
    """What a text says; bytes in a literal that are not UTF-8 are replaced."""
    if isinstance(told, str):
        return told
    try:
        text: str = msgspec.json.decode(told)
    except UnicodeDecodeError:
        text = msgspec.json.decode(bytes(told).decode("utf-8", "replace"))
    return text


def joined(texts: Sequence[Text], by: str = "") -> Text:
    """The texts as one; one alone stays what it is."""
    return texts[0] if len(texts) == 1 else by.join(map(read, texts))
