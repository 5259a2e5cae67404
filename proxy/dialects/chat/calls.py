"""Pieces of tool calls as GLM may send them: without index, id or name, or all under one index.

Which call a piece belongs to is decided here for reader and relay alike: by index, else by id, else
it is the call before. The relay also gives a piece the keys that clients insist on, and holds back
what comes before a call has a name (acceptance row 37).
"""

from collections.abc import Callable
from typing import Any

from proxy.loose_json import encode, members, objects

Json = dict[str, Any]
Mended = Callable[[str, str], str | None]
"""A tool's name and the first piece of its arguments -> that piece, mended; None if it is fine."""


class CallPositions:
    """Numbers the calls of a reply in the order in which they begin."""

    def __init__(self) -> None:
        self._by_index: dict[int, int] = {}
        self._by_id: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._named: set[int] = set()
        self._last: int | None = None
        self._count = 0

    def of(self, index: int | None, call_id: str | None, name: str | None) -> int:
        """The position of the call that a piece with these marks belongs to."""
        if index in self._by_index and not call_id and not name:
            self._last = self._by_index[index]
            return self._last
        position = self._find(index, call_id, name)
        if position is None:
            position = self._count
            self._count += 1
        if index is not None:
            self._by_index[index] = position
        if call_id:
            self._by_id.setdefault(call_id, position)
            self._ids.setdefault(position, call_id)
        if name:
            self._named.add(position)
        self._last = position
        return position

    def _find(self, index: int | None, call_id: str | None, name: str | None) -> int | None:
        """The known call of a piece, or None if it begins one."""
        if index is not None and index in self._by_index:
            known = self._by_index[index]
            another = name and call_id and self._ids.get(known, call_id) != call_id
            return self._by_id.get(call_id or "") if another else known
        if index is not None and (name or not call_id):
            return None
        if call_id:
            return self._by_id.get(call_id)
        begins = name and self._last in self._named
        return None if begins else self._last


class CallKeys:
    """Adds what is missing in the calls of relayed chunks; one for each choice of a reply."""

    def __init__(self, reply_id: str, mended: Mended) -> None:
        self._reply_id = reply_id
        self._mended = mended
        self._fresh: dict[int, str] = {}
        self._positions = CallPositions()
        self._begun: set[int] = set()
        self._held: dict[int, Json] = {}

    def mend(self, calls: object) -> list[Json]:
        """The pieces to pass on; equal to `calls` where nothing is missing."""
        mended = (self._mend(members(call)) for call in objects(calls))
        return [call for call in mended if call]

    def _mend(self, call: Json) -> Json | None:
        function = members(call.get("function"))
        arguments = function.get("arguments", "")
        if not isinstance(arguments, str):
            function["arguments"] = arguments = encode(arguments).decode()
        index, call_id, name = call.get("index"), call.get("id"), function.get("name")
        call_id = call_id if isinstance(call_id, str) else None
        name = name if isinstance(name, str) else None
        index = index if isinstance(index, int) else None
        position = self._positions.of(index, call_id, name)
        if not name:
            function.pop("name", None)
        if position in self._begun:
            self._mend_arguments(function, position)
            return {**call, "index": position, "function": function}
        held = self._held.pop(position, {})
        call_id = held.get("id") or call_id
        arguments = held.get("arguments", "") + arguments
        if not name:
            self._held[position] = {"id": call_id, "arguments": arguments}
            return None
        self._begun.add(position)
        self._fresh[position] = name
        function["arguments"] = arguments
        self._mend_arguments(function, position)
        return {
            **call,
            "id": call_id or f"call_{self._reply_id}_{position}",
            "index": position,
            "type": "function",
            "function": function,
        }

    def _mend_arguments(self, function: Json, position: int) -> None:
        """The first piece that says something, as the tool's schema proves it was meant."""
        arguments = function.get("arguments")
        if arguments and position in self._fresh:
            mended = self._mended(self._fresh.pop(position), arguments)
            function["arguments"] = arguments if mended is None else mended
