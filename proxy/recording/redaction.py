"""Takes keys and home paths out of what is recorded: a star for each byte of theirs.

As nothing changes its length, bytes can be joined, looked through and cut again where they were
cut: that finds what lies across two chunks. A model's answer cuts words between two deltas as well,
so the texts of a stream's deltas are joined and looked through in the same way.

A secret is found however JSON or a URL spells it, also JSON in a string of JSON. What looks like a
key or like a path into somebody's home is taken out even if nobody named it as a secret.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from proxy.secrecy import SHORTEST_SECRET

_SHORTEST_HOME: Final = 4
_WINDOW: Final = 128 * 1024
_OVERLAP: Final = 16 * 1024
"""A search holds the interpreter lock, so none looks at more than a window and an overlap; no match
is longer than the overlap: HTTP headers, and so keys, are shorter."""

_WORD: Final = (
    rb"(?:[^\x00-\x20\x7f\"'`\\/%<>|:;,?*&()\[\]{}$!#=]"
    rb"|%(?:25)*[89a-fA-F][0-9a-fA-F]|\\+u[0-9a-fA-F]{4}){1,64}"
)
_SPACE: Final = rb"(?:\x20|%(?:25)*20)"
_NAME: Final = rb"(?P<name>%b(?:%b%b){1,3}(?=[\\/%%])|%b)" % (_WORD, _SPACE, _WORD, _WORD)
_FOLDER: Final = rb"(?:home|Users|USERS)"
_PERCENT: Final = rb"%(?:25)*(?:2[fF]|5[cC])"
_ESCAPE: Final = rb"\\+u00(?:2[fF]|5[cC])"
_SEPARATOR: Final = b"(?:" + _ESCAPE + rb"|\\*/|\\+|" + _PERCENT + b")"

_HOMES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        b"/" + _FOLDER + rb"\\*/" + _NAME,
        rb":\\*/users\\*/" + _NAME,
        rb"\\(?<!\\\\)(?P<run>\\*)(?:users|" + _FOLDER + rb")\\(?P=run)(?!\\)" + _NAME,
        _PERCENT + b"(?:users|" + _FOLDER + b")" + _PERCENT + _NAME,
        rb"\\u00(?:2[fF]|5[cC])" + _FOLDER + _ESCAPE + _NAME,
    )
)
"""`/home/NAME`, `/Users/NAME`, `C:\\Users\\NAME`, whichever way the separators are written.
The backslashes on both sides must be as many, or `Users\\n` would be read as a name with an n.
Each pattern begins with a plain character, for which `re` looks fastest."""

_KEYS: Final = (
    re.compile(rb"sk-(?:(?<![A-Za-z0-9]sk-)|(?=[A-Za-z_-]*[0-9]))[A-Za-z0-9_-]{16,}"),
    re.compile(rb"[0-9a-f]{32}\.[A-Za-z0-9]{16}"),
    re.compile(rb"(?i:bearer)(?:\x20|%20)+(?P<name>[A-Za-z0-9._~+/-]{16,}=*)"),
)
"""The keys of most providers, z.ai's, and whatever is called a bearer token.

A letter in front may be the end of an escape (`\\nsk-...`), but without a digit behind it is a word
(`task-...`)."""

_OTHER: Final = re.compile(rb"[^A-Za-z0-9]")

_DELTA: Final = re.compile(
    rb'"(text|thinking|partial_json|content|reasoning_content|arguments)"\s*:\s*'
    rb'"([^"\\]*(?:\\.[^"\\]*)*)"',
    re.DOTALL,
)
"""A member of a stream's event that carries a piece of text, in either dialect."""


class Redactor:
    """Takes out `secrets`, the own `home`, whatever looks like a key, and names of users.

    `names` are those of `names_in`: tools also write `/home/NAME/project` as `-home-NAME-project`.
    """

    def __init__(
        self, secrets: Iterable[str] = (), home: str = "", names: Iterable[bytes] = ()
    ) -> None:
        told = sorted({secret for secret in secrets if len(secret) >= SHORTEST_SECRET})
        self._patterns = [
            *(re.compile(_spelled(secret)) for secret in told),
            *_KEYS,
            *_HOMES,
            *_own_home(home),
            *_dashed({*names, *names_in(home.encode())}),
        ]

    def redact(self, data: bytes) -> bytes:
        """`data` with stars in it, as long as it was."""
        found = [span for pattern in self._patterns for span in _find(pattern, data)]
        if not found:
            return data
        out = bytearray(data)
        for begin, end in found:
            out[begin:end] = b"*" * (end - begin)
        return bytes(out)

    def redact_stream(self, chunks: Sequence[bytes]) -> list[bytes]:
        """The chunks of a stream, cut where they were cut."""
        out = bytearray(self.redact(b"".join(chunks)))
        for spans in _texts(bytes(out)).values():
            text = self.redact(b"".join(bytes(out[begin:end]) for begin, end in spans))
            at = 0
            for begin, end in spans:
                out[begin:end] = text[at : at + end - begin]
                at += end - begin
        ends = accumulate(map(len, chunks))
        return [bytes(out[end - len(chunk) : end]) for chunk, end in zip(chunks, ends, strict=True)]


def names_in(data: bytes) -> set[bytes]:
    """The names of users whose home paths are in `data`."""
    return {data[begin:end] for pattern in _HOMES for begin, end in _find(pattern, data)}


def joined_texts(chunks: Sequence[bytes]) -> bytes:
    """A stream and behind it the texts of its deltas, joined: for looking, not for writing."""
    stream = b"".join(chunks)
    texts = (b"".join(stream[a:b] for a, b in spans) for spans in _texts(stream).values())
    return b"\n".join([stream, *texts])


def _texts(stream: bytes) -> dict[bytes, list[tuple[int, int]]]:
    """Where the pieces of text are, by the member that carries them."""
    spans: dict[bytes, list[tuple[int, int]]] = {}
    for found in _DELTA.finditer(stream):
        spans.setdefault(found[1], []).append(found.span(2))
    return spans


def _find(pattern: re.Pattern[bytes], data: bytes) -> Iterator[tuple[int, int]]:
    """Where `pattern` matches: its `name` if it has one, else the whole of it."""
    start = 0
    while start < len(data):
        stop = start + _WINDOW
        found = pattern.search(data, start, stop + _OVERLAP)
        if found is None or found.start() >= stop:
            start = stop
        else:
            yield found.span("name" if "name" in pattern.groupindex else 0)
            start = found.end()


def _own_home(home: str) -> list[re.Pattern[bytes]]:
    """The home of the gateway's own user, where it is not one of the usual kind."""
    home = home.rstrip("/\\")
    if len(home) < _SHORTEST_HOME or names_in(home.encode()):
        return []
    if not home.startswith("/"):
        return [re.compile(_spelled(home) + rb"(?![A-Za-z0-9_])")]
    rest = b"(?P<name>" + _spelled(home[1:]) + rb")(?![A-Za-z0-9_])"
    return [re.compile(slash + rest) for slash in (b"/", rb"%(?:25)*2[fF]", rb"\\u002[fF]")]


def _dashed(names: Iterable[bytes]) -> list[re.Pattern[bytes]]:
    """The names as parts of a path that is written with dashes."""
    words = b"|".join(sorted({re.sub(_OTHER, _OTHER.pattern, name) for name in names}))
    if not words:
        return []
    name = b"-(?P<name>" + words + rb")(?![A-Za-z0-9])"
    return [re.compile(folder + name) for folder in (b"home", b"Users")]


def _spelled(text: str) -> bytes:
    """A pattern of `text` as it is, with escapes of JSON, and as part of a URL."""
    return b"".join(_character(character) for character in text)


def _character(character: str) -> bytes:
    if character.isascii() and (character.isalnum() or character in "-._~"):
        return re.escape(character.encode())
    if character in "/\\":
        return _SEPARATOR
    raw = character.encode()
    percent = b"".join(b"%%(?:25)*%02x" % byte for byte in raw)
    units = character.encode("utf-16-be").hex(" ", 2).split()
    escaped = b"".join(rb"\\+u" + unit.encode() for unit in units)
    return rb"(?i:\\*" + re.escape(raw) + b"|" + percent + b"|" + escaped + b")"
