"""Every relative link in the documents leads to a file and a heading; every page is in reach."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, ROOT / "CHANGELOG.md", ROOT / "AGENTS.md", *DOCS]
LINK = re.compile(r"""(?:\]\(|\b(?:src|srcset)=")(?!https?://)([^)"#\s]*)(?:#([^)"\s]+))?""")
SCREEN = 40
"""Lines of the README that are seen without scrolling much."""


def links(text: str) -> list[tuple[str, str]]:
    """Path ("" for the page itself) and anchor ("" for none) of each relative link."""
    return LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    found = links(page.read_text())
    missing = [path for path, _ in found if not (page.parent / path).exists()]
    assert missing == []
    for path, anchor in found:
        if anchor:
            assert anchor in anchors(page.parent / path if path else page), f"{path}#{anchor}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_page_is_reached_from_the_first_screen(page: Path) -> None:
    """From the README's top directly, or by way of the index, which has them all."""
    top = "\n".join(README.read_text().splitlines()[:SCREEN])
    first = {path for path, _ in links(top)}
    index = {path for path, _ in links((ROOT / "docs" / "index.md").read_text())}
    assert "docs/index.md" in first
    assert page.name in index or page.name == "index.md"


def test_the_first_screen_has_a_way_without_a_key_and_one_with_it() -> None:
    top = "\n".join(README.read_text().splitlines()[:SCREEN])
    for step in ("make demo", "make run", "connect claude-code --write", "doctor", "/ui"):
        assert step in top
