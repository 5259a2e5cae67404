"""The walls between the rooms (DESIGN 4): who may import whom, and no circles anywhere."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "proxy"

PURE = (
    "proxy.dialects",
    "proxy.tokens",
    "proxy.routing",
    "proxy.sse",
    "proxy.models",
    "proxy.errors",
    "proxy.refusals",
    "proxy.literals",
    "proxy.loose_json",
)
RIM = (
    "aiohttp",
    "asyncio",
    "proxy.handlers",
    "proxy.middlewares",
    "proxy.settings",
    "proxy.upstream",
)
THREADED = ("proxy.tokens.counter", "proxy.tokens.tokenizer")
"""The counter hands its work to threads, so it may know asyncio, and nothing else of the rim."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def within(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def imports(name: str, *, deferred: bool = True) -> set[str]:
    """The modules that `name` imports; without those in functions unless `deferred`."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if deferred else iter(tree.body)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            base = node.module or ""
            below = {f"{base}.{alias.name}" for alias in node.names}
            found |= (below & MODULES.keys()) or {base}
    return found - {name}


def forbidden(room: tuple[str, ...], rim: tuple[str, ...]) -> dict[str, set[str]]:
    wrong = {
        name: {each for each in imports(name) if within(each, *rim)}
        for name in MODULES
        if within(name, *room)
    }
    return {name: bad for name, bad in wrong.items() if bad}


@pytest.mark.parametrize("room", PURE)
def test_the_core_knows_nothing_of_the_rim(room: str) -> None:
    assert any(within(name, room) for name in MODULES)
    wrong = forbidden((room,), RIM)
    assert {name: bad for name, bad in wrong.items() if bad - _allowed(name)} == {}


def _allowed(name: str) -> set[str]:
    return {"asyncio"} if name in THREADED else set()


def test_handlers_do_not_know_the_middlewares() -> None:
    assert forbidden(("proxy.handlers",), ("proxy.middlewares",)) == {}


def test_tokens_do_not_know_the_dialects_machinery() -> None:
    assert forbidden(("proxy.tokens.scale", "proxy.tokens.usage"), ("proxy.dialects",)) == {}


def test_one_dialect_does_not_know_the_transport_of_the_other() -> None:
    machinery = tuple(f"proxy.dialects.chat.{name}" for name in ("reader", "writer", "relay"))
    assert forbidden(("proxy.dialects.messages",), ("proxy.dialects.chat",)) == {}
    assert forbidden(("proxy.dialects.chat.to_messages",), machinery) == {}
    assert forbidden(("proxy.dialects.chat.from_messages",), machinery) == {}


def test_the_simulator_stands_beside_the_gateway() -> None:
    outside = {
        each
        for name in MODULES
        if within(name, "proxy.simulator")
        for each in imports(name)
        if within(each, "proxy") and not within(each, "proxy.simulator")
    }
    assert outside <= {"proxy.models"}


def test_nothing_needs_what_is_there_for_tests() -> None:
    users = {name for name in MODULES if any(within(i, "proxy.testing") for i in imports(name))}
    assert {name for name in users if not within(name, "proxy.testing")} == set()
    assert {name for name in MODULES if "pytest" in imports(name)} == {"proxy.testing.plugin"}


def test_there_are_no_circles() -> None:
    graph = {
        name: {each for each in imports(name, deferred=False) if each in MODULES}
        for name in MODULES
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' > '.join([*path, name])}"
        if name not in done:
            for each in sorted(graph[name]):
                visit(each, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
