"""Requests like most, read without decoding the texts in them: see `proxy.literals`.

Each dialect says what is usual (its own `usual.py`): what holds no image, needs nothing mended, and
has no member that is not documented. Any other request is read the general way, which says more
about it.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, defstruct

from proxy.dialects.validation import as_a

Json = dict[str, Any]
Request = TypeVar("Request", bound=Struct)


def reader(
    request: type[Request],
    message: type[Struct],
    also: Iterable[str],
    typed: Callable[[Any], Any],
    check: Callable[[Request], None],
) -> Callable[[bytes], tuple[Json, Request] | None]:
    """A function that reads a usual `request`: its members, with the messages as they came, and the
    typed request; None if it is not usual.

    Each message is a `message`, from which `typed` makes the one of the typed request; it raises
    ValueError for what is not usual. Members named by `also` may be there too. What `check` raises
    (GatewayError) is raised.
    """
    decode = msgspec.json.Decoder(_envelope(request, list[message], also)).decode  # type: ignore[valid-type]  # known when it runs

    def read_usual(raw: bytes) -> tuple[Json, Request] | None:
        try:
            given = msgspec.structs.asdict(decode(raw))
            body = {name: value for name, value in given.items() if value is not UNSET}
            messages = list(map(typed, body["messages"]))
        except (ValueError, RecursionError):
            return None
        usual: Any = as_a({**body, "messages": []}, request)
        if usual is None or all(each.role == "system" for each in messages):
            return None
        usual.messages = messages
        check(usual)
        return body, usual

    return read_usual


def _envelope(request: type[Struct], messages: Any, also: Iterable[str]) -> type[Struct]:
    """The structure of a request of which nothing but `messages` has a type; UNSET is not given."""
    names = [name for name in (*request.__struct_fields__, *also) if name != "messages"]
    fields: list[tuple[str, Any, Any]] = [(name, Any, UNSET) for name in names]
    return defstruct("Envelope", [("messages", messages), *fields], forbid_unknown_fields=True)
