"""The factor between two context windows, applied to token counts exactly and once.

A client's context meter divides what we report by the window *it* believes in. Reporting
`tokens x (client's window / window the endpoint counts in)` makes its 100 % the real 100 %.
"""

from dataclasses import dataclass
from math import gcd
from typing import Literal

from msgspec import Struct

TokenScaling = Literal["expected", "real", "off"]


class Scale(Struct, frozen=True):
    """An exact ratio of two windows (tokens / tokens)."""

    numerator: int = 1
    denominator: int = 1

    @classmethod
    def between(cls, client_window: int, upstream_window: int) -> "Scale":
        """The factor from what the endpoint counts to what the client expects."""
        common = gcd(client_window, upstream_window)
        return cls(client_window // common, upstream_window // common)

    def apply(self, tokens: int) -> int:
        """`tokens` scaled, rounded to the nearest; a count above 0 never becomes 0."""
        if tokens <= 0:
            return 0
        numerator, denominator = self.numerator, self.denominator
        if numerator == denominator:
            return tokens
        return (2 * tokens * numerator + denominator) // (2 * denominator) or 1

    def __str__(self) -> str:
        """The factor as a short decimal, for a header or a log line."""
        return f"{self.numerator / self.denominator:.5g}"


@dataclass(frozen=True, slots=True)
class Windows:
    """The four windows of the configuration, in tokens."""

    anthropic_expected: int = 200_000
    openai_expected: int = 128_000
    real_text: int = 128_000
    real_vision: int = 65_536

    def client(self, dialect: Literal["messages", "chat"]) -> int:
        """The window that clients of `dialect` believe in."""
        return self.anthropic_expected if dialect == "messages" else self.openai_expected

    def endpoint(self, endpoint: Literal["anthropic", "openai"], *, vision: bool) -> int:
        """The window in which `endpoint` counts (zai.md 3: the Anthropic one inflates)."""
        if endpoint == "anthropic":
            return self.anthropic_expected
        return self.real_vision if vision else self.real_text
