"""What the Makefile would do (`make -n`), on a copy whose environment is made of empty files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"]
OLD, NEW = 1_000_000_000, 1_000_000_060  # modification times, in seconds

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def make(directory: Path, *arguments: str, path: str | None = None) -> tuple[int, str]:
    """Exit status and the whole output. MAKEFLAGS of a surrounding `make test` stay out of it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment.pop("PYTHON", None)
    assert MAKE is not None
    result = subprocess.run(
        [MAKE, *arguments],
        cwd=directory,
        env=environment | ({"PATH": path} if path else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone, as far as make can see."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in [*LOCKS, "pyproject.toml"]:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (OLD, OLD))
    return tmp_path


@pytest.fixture
def installed(checkout: Path) -> Path:
    """The same after `make test`."""
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").touch(mode=0o755)
    for name in ["pyvenv.cfg", ".installed-run", ".installed-dev"]:
        (checkout / ".venv" / name).touch()
        os.utime(checkout / ".venv" / name, (NEW, NEW))
    return checkout


def fake_pythons(directory: Path, *new_enough: str) -> str:
    """A PATH on which the named Pythons say that they are 3.11.0, all others 3.10.99."""
    directory.mkdir()
    for name in ["python3.14", "python3.13", "python3.12", "python3.11", "python3", "python"]:
        version = (3, 11, 0) if name in new_enough else (3, 10, 99)
        pretend = f"import sys; sys.version_info = {version}; exec(sys.argv[1])"
        (directory / name).write_text(f'#!/bin/sh\nexec {sys.executable} -c "{pretend}" "$2"\n')
        (directory / name).chmod(0o755)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


TARGETS = {
    "run": "-m proxy\n",
    "demo": "-m proxy demo\n",
    "test": "-m pytest -n auto",
    "tools": "npm install --prefix .tools",
    "coverage": "-m pytest -n auto --cov",
    "soak": "tests/soak/soak.py",
    "bench": "-m bench",
    "docs": "tests/docs/generated.py",
    "screenshots": "tests/screenshots.py",
    "lint": "ruff check .",
    "format": "ruff format .",
    "lock": "pip compile",
    "clean": "rm -rf .venv",
}


@pytest.mark.parametrize(("target", "command"), TARGETS.items())
def test_a_target_does_what_its_name_says(installed: Path, target: str, command: str) -> None:
    status, output = make(installed, "-n", target)
    assert status == 0
    assert command in output
    assert "pip --disable-pip-version-check --quiet install --require" not in output


def test_help_is_the_default_and_names_every_target(checkout: Path) -> None:
    status, output = make(checkout)
    assert status == 0
    assert {line.split()[1] for line in output.splitlines()} == {*TARGETS, "install", "help"}


@pytest.mark.parametrize(
    ("target", "locks"),
    [
        ("run", ["requirements.lock", "requirements-build.lock"]),
        ("demo", ["requirements.lock", "requirements-build.lock"]),
        ("test", ["requirements-dev.lock"]),
    ],
)
def test_a_fresh_checkout_installs_from_its_lock(
    checkout: Path, target: str, locks: list[str]
) -> None:
    status, output = make(checkout, "-n", target, "PYTHON=python3")
    assert status == 0
    assert "-m venv --clear .venv" in output
    assert "install --require-hashes " + " ".join(f"-r {lock}" for lock in locks) in output
    assert "install --no-deps --no-build-isolation --editable ." in output


@pytest.mark.parametrize(
    ("changed", "target"),
    [
        ("requirements.lock", "run"),
        ("requirements-build.lock", "run"),
        ("requirements-dev.lock", "test"),
        ("pyproject.toml", "run"),
        ("pyproject.toml", "test"),
    ],
)
def test_a_changed_lock_is_installed(installed: Path, changed: str, target: str) -> None:
    os.utime(installed / changed, (NEW + 60, NEW + 60))
    _, output = make(installed, "-n", target)
    assert "--require-hashes" in output
    assert "-m venv" not in output


def test_a_removed_python_makes_the_environment_anew(installed: Path) -> None:
    python = installed / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(installed / "gone")
    _, output = make(installed, "-n", "run", "PYTHON=python3")
    assert "-m venv --clear .venv" in output
    assert "--require-hashes" in output


def test_the_newest_sufficient_python_is_picked(checkout: Path, tmp_path: Path) -> None:
    path = fake_pythons(tmp_path / "bin", "python3.12", "python3")
    _, output = make(checkout, "-n", "run", path=path)
    assert "python='python3.12'" in output


def test_an_old_python_is_explained(checkout: Path, tmp_path: Path) -> None:
    path = fake_pythons(tmp_path / "bin")
    status, output = make(checkout, "run", path=path)
    assert status != 0
    assert "Python 3.11 or newer is needed" in output
    status, output = make(checkout, "run", "PYTHON=python3", path=path)
    assert status != 0
    assert "older than Python 3.11" in output
    assert not (checkout / ".venv").exists()
