"""Tables, and the places of a page that a run fills in; what people wrote around them stays.

<!-- bench:lanes -->
... generated ...
<!-- /bench:lanes -->
"""

from collections.abc import Mapping, Sequence


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, all columns but the first to the right."""
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def figure(value: float | None) -> str:
    """A number with three digits that mean something; a dash where there is none."""
    if not value:
        return "–" if value is None else "0"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def ratio(value: float, reference: float | None) -> str:
    """How many times the reference."""
    return f"{figure(value / reference)}×" if reference else "–"


def fill(page: str, sections: Mapping[str, str]) -> str:
    """`page` with each section's content replaced. Raises LookupError where a place is missing."""
    for name, content in sections.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        head, found, rest = page.partition(begin)
        _, closed, tail = rest.partition(end)
        if not (found and closed):
            raise LookupError(f"the page has no place for {name}")
        page = f"{head}{begin}\n{content}\n{end}{tail}"
    return page
