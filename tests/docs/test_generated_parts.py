"""What `make docs` makes from the code is what is committed."""

from pathlib import Path

import pytest
from generated import ROOT, renewed

RENEWED = renewed()


@pytest.mark.parametrize("path", RENEWED, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_is_up_to_date(path: Path) -> None:
    assert path.read_text() == RENEWED[path], "run `make docs`"
