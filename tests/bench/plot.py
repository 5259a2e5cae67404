"""A line chart as SVG that reads on white and on black: GitHub shows either."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 44, 44
_TICKS: Final = 5
_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #57606a; }
.title { font-size: 14px; fill: #24292f; }
.grid { stroke: #8b949e; stroke-opacity: 0.35; }
.line { fill: none; stroke-width: 2; }
.s0 { stroke: #0969da; } .s1 { stroke: #bc4c00; stroke-dasharray: 6 4; }
.s2 { stroke: #1a7f37; stroke-dasharray: 2 3; }
circle.s0 { fill: #0969da; } circle.s1 { fill: #bc4c00; } circle.s2 { fill: #1a7f37; }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1; } .title { fill: #f0f6fc; }
  .s0 { stroke: #58a6ff; } .s1 { stroke: #f0883e; } .s2 { stroke: #56d364; }
  circle.s0 { fill: #58a6ff; } circle.s1 { fill: #f0883e; } circle.s2 { fill: #56d364; }
}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A named series of points (x, y), none below 0."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Axis:
    """From 0 in round steps to the last tick; `low` and `high` are its ends in the picture."""

    step: float
    ticks: int
    low: float
    high: float

    @classmethod
    def reaching(cls, largest: float, low: float, high: float) -> "_Axis":
        """The last tick is at `largest` or above, or so little below that nobody sees it."""
        reach = largest * 0.99 or 1.0
        unit = 10.0 ** math.floor(math.log10(reach / _TICKS))
        step = next(n * unit for n in (1, 2, 2.5, 5, 10) if n * unit * _TICKS >= reach)
        return cls(step, math.ceil(reach / step), low, high)

    def at(self, value: float) -> float:
        """Where `value` is in the picture."""
        return self.low + value / (self.step * self.ticks) * (self.high - self.low)

    def marks(self) -> list[tuple[float, str]]:
        """Where the ticks are, and what they say."""
        values = [tick * self.step for tick in range(self.ticks + 1)]
        return [(self.at(value), f"{value:,.10g}") for value in values]


def chart(title: str, across: str, up: str, lines: Sequence[Line]) -> str:
    """The chart; both axes begin at 0, `across` and `up` are what they show."""
    x = _Axis.reaching(max(x for line in lines for x, _ in line.points), _LEFT, _WIDTH - _RIGHT)
    y = _Axis.reaching(max(y for line in lines for _, y in line.points), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        _text(_LEFT, 18, title, "start", "title"),
        _text(_LEFT, 36, up, "start"),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, across, "middle"),
    ]
    for place, said in y.marks():
        parts.append(f'<path class="grid" d="M{_LEFT} {place:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 8, place + 4, said, "end"))
    parts += [_text(place, _HEIGHT - _BOTTOM + 18, said, "middle") for place, said in x.marks()]
    for number, line in enumerate(lines):
        parts += _drawn(number, [(x.at(across), y.at(up)) for across, up in line.points])
        parts += _legend(number, line.name)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(number: int, places: Sequence[tuple[float, float]]) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return [
        f'<polyline class="line s{number}" points="{path}"/>',
        *(f'<circle class="s{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places),
    ]


def _legend(number: int, name: str) -> list[str]:
    """Beside the title: it must not lie upon a line."""
    left, height = _WIDTH - 200, 14 + 18 * number
    return [
        f'<path class="line s{number}" d="M{left} {height}h24"/>',
        _text(left + 32, height + 4, name, "start"),
    ]


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    cls = f' class="{kind}"' if kind else ""
    return f'<text{cls} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
