"""docs/testing.md: its files, written out and run as a reader would."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_its_examples_run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pytest-asyncio, which the page names, and no other plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    blocks = BLOCK.findall(PAGE.read_text())
    for block in blocks:
        name = block.splitlines()[0].removeprefix("# ")
        pytester.path.joinpath(name).write_text(block)
    tests = sum(len(re.findall(r"^(?:async )?def test_", block, re.MULTILINE)) for block in blocks)
    assert tests
    outcome = pytester.runpytest_subprocess("-p", "pytest_asyncio.plugin")
    outcome.assert_outcomes(passed=tests)
