"""The parts of the documents that are made from the code: `make docs` writes them.

`.env.example` is made whole; in a page, what stands between `<!-- NAME: … -->` and `<!-- end -->`.
A test holds the committed files against this.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from msgspec.json import schema_components

from proxy.live.wire import EVENTS
from proxy.settings import variables

ROOT: Final = Path(__file__).parents[2]
_EXAMPLE_HEAD: Final = """\
# Every setting with its default; remove the # before a line to change it.
# An empty value counts as not set.
"""


def renewed() -> dict[Path, str]:
    """File -> what it should hold."""
    pages = {ROOT / ".env.example": _env_example()}
    for name, (page, make) in _PARTS.items():
        pages[ROOT / page] = _with_part((ROOT / page).read_text(), name, make())
    return pages


def _with_part(page: str, name: str, part: str) -> str:
    """The page with a new part of that name. Raises ValueError if it has no place for it."""
    before, mark, rest = page.partition(f"<!-- {name}: made by `make docs` -->\n")
    _, end, after = rest.partition("<!-- end -->")
    if not (mark and end):
        raise ValueError(f"no place for {name}")
    return before + mark + part + end + after


def _env_example() -> str:
    settings = (f"\n# {text}\n#{name}={value}\n" for name, (value, text) in variables().items())
    return "".join([_EXAMPLE_HEAD, *settings])


def _settings() -> str:
    rows = (
        f"| `{name}` | {f'`{value}`' if value else ''} | {text} |"
        for name, (value, text) in variables().items()
    )
    return _table("Variable", "Default", "Meaning", rows=rows) + "\n"


def _live_events() -> str:
    events = {shape.__name__: name for name, shape in EVENTS.items()}
    _, shapes = schema_components(EVENTS.values())
    ordered = [*events, *(name for name in shapes if name not in events)]
    return "".join(_shape(name, events.get(name), shapes[name]) for name in ordered) + "\n"


def _shape(name: str, event: str | None, shape: dict[str, Any]) -> str:
    """A heading with what it is, and its fields."""
    heading = f"Event `{event}`: `{name}`" if event else f"`{name}`"
    rows = (
        f"| `{field}` | {'' if field in shape['required'] else '*optional* '}{_type(told)} "
        f"| {told['description']} |"
        for field, told in shape["properties"].items()
    )
    return (
        f"\n**{heading}.** {shape['description']}\n{_table('Field', 'Type', 'Meaning', rows=rows)}"
    )


def _type(told: dict[str, Any]) -> str:
    """A JSON schema in a word or two; null is never sent."""
    if "$ref" in told:
        return f"`{told['$ref'].rpartition('/')[2]}`"
    if "anyOf" in told:
        return " or ".join(_type(each) for each in told["anyOf"] if each != {"type": "null"})
    if told.get("type") == "array":
        return f"array of {_type(told['items'])}"
    return str(told.get("type", "string"))


def _table(*heads: str, rows: Iterable[str]) -> str:
    titles, lines = " | ".join(heads), " | ".join("---" for _ in heads)
    return "\n".join(["", f"| {titles} |", f"| {lines} |", *rows, ""])


_PARTS: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "settings": ("docs/configuration.md", _settings),
    "live events": ("docs/observing.md", _live_events),
}
"""Name of a part -> its page, and what makes it."""


def main() -> None:
    """Write them all."""
    for path, text in renewed().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
