"""Requests like most, read without decoding the texts in them: see `proxy.literals`.

Each dialect says what is usual (its own `usual.py`): what holds no image, needs nothing mended, and
has no member that is not documented. Any other request is read the general way, which says more
about it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, defstruct

from proxy.dialects.validation import as_a

Json = dict[str, Any]
Message: TypeAlias = Mapping[str, Raw]
"""A message as it came: the literals of its members."""

Request = TypeVar("Request", bound=Struct)


def reader(
    request: type[Request],
    also: Iterable[str],
    typed: Callable[[Message], Any],
    check: Callable[[Request], None],
) -> Callable[[bytes], tuple[Json, Request] | None]:
    """A function that reads a usual `request`: its members, with the messages as they came, and the
    typed request; None if it is not usual.

    `typed` makes a message of the typed request; it raises ValueError for what is not usual.
    Members named by `also` may be there too. What `check` raises (GatewayError) is raised.
    """
    decode = msgspec.json.Decoder(_envelope(request, also)).decode

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


def _envelope(request: type[Struct], also: Iterable[str]) -> type[Struct]:
    """The structure of a request of which nothing but `messages` has a type; UNSET is not given."""
    names = [name for name in (*request.__struct_fields__, *also) if name != "messages"]
    fields: list[tuple[str, Any, Any]] = [(name, Any, UNSET) for name in names]
    messages = ("messages", list[dict[str, Raw]])
    return defstruct("Envelope", [messages, *fields], forbid_unknown_fields=True)
