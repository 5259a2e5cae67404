"""The pytest plugin: `pytest_plugins = ["proxy.testing.plugin"]` in the uppermost `conftest.py`.

It is no entry point: one would load the gateway into every pytest run of whoever installed it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.testing.glm import Glm, serve_glm_in_thread


@pytest.fixture
def glm_settings() -> dict[str, Any]:
    """Fields of `Settings` for `glm`; override it in a module, a class or a `conftest.py`."""
    return {}


@pytest.fixture
def glm(glm_settings: dict[str, Any]) -> Iterator[Glm]:
    """A gateway in front of a scripted z.ai, in a thread: for tests with and without a loop."""
    with serve_glm_in_thread(**glm_settings) as running:
        yield running
