"""What was changed, clamped or dropped on the way: nothing is silent.

Every entry names a field and what became of it, never a value that could be a prompt or a key; the
list goes into the log line and, as one line of printable ASCII, into `x-proxy-changed`.
"""

import re
from typing import Final

_UNSAFE: Final = re.compile(r"[^\w.\[\]\-:;,'=<>()/ ]", re.ASCII)
_HEADER_LIMIT: Final = 1_000
_ENTRY_LIMIT: Final = 200
"""Names of unknown fields are the client's own, of any length."""

_MOST: Final = 100


class Changes:
    """The changes of one request, in order, each once."""

    def __init__(self) -> None:
        self._entries: dict[str, None] = {}

    def add(self, field: str, what: str) -> None:
        """Note that `what` happened to `field`; of very many the first are named."""
        if len(self._entries) >= _MOST:
            field, what = "others", "changed too"
        self._entries[_UNSAFE.sub("?", f"{field}: {what}"[:_ENTRY_LIMIT])] = None

    def dropped(self, field: str, why: str = "") -> None:
        """Note that `field` was left out."""
        self.add(field, f"dropped ({why})" if why else "dropped")

    def entries(self) -> tuple[str, ...]:
        """All entries."""
        return tuple(self._entries)

    def header(self) -> str:
        """All entries as a header value, cut to a sane length."""
        joined = "; ".join(self._entries)
        return joined if len(joined) <= _HEADER_LIMIT else joined[: _HEADER_LIMIT - 3] + "..."
