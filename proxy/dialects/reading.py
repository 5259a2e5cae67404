"""A request body, read: its members, and the typed request of its dialect."""

from typing import Any, Final, TypeVar

import msgspec

from proxy import loose_json
from proxy.dialects.changes import Changes
from proxy.dialects.registry import ClientDialect
from proxy.errors import invalid

View = TypeVar("View")
_BOM: Final = b"\xef\xbb\xbf"


def read(raw: bytes, dialect: ClientDialect[View], changes: Changes) -> tuple[dict[str, Any], View]:
    """The members as they go upstream, and the typed request.

    Raises GatewayError (400) for what is no such request, naming the first field that is wrong.
    """
    raw = raw.removeprefix(_BOM)
    usual = dialect.read_usual(raw)
    if usual:
        return usual
    body = _parse(raw, changes)
    return body, dialect.read(body)


def _parse(raw: bytes, changes: Changes) -> dict[str, Any]:
    """The JSON object in a request body. Raises GatewayError (400) if there is none."""
    try:
        body = _decode(raw, changes)
    except RecursionError:
        raise invalid("body: nested too deeply") from None
    except UnicodeDecodeError:
        raise invalid("body: not valid UTF-8") from None
    except ValueError as error:
        raise invalid(f"body: not valid JSON ({error})") from None
    if not isinstance(body, dict):
        raise invalid("body: expected a JSON object")
    return body


def _decode(raw: bytes, changes: Changes) -> Any:
    """Decode, after replacing half surrogate pairs if there are any: they are no text."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        if b"\\ud" not in raw.lower():
            raise
    mended = loose_json.mend(raw)
    changes.add("body", "half surrogate pairs replaced")
    return msgspec.json.decode(mended)
