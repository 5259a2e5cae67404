"""Upstream Messages frames to events: they are the inner language already, so this only decodes."""

import msgspec

from proxy import loose_json, refusals
from proxy.dialects.events import Event, Ping
from proxy.dialects.translation import RefusedError

_decode = msgspec.json.Decoder(Event | Ping).decode


class MessagesReader:
    """See `Reader`. Pings and events or deltas of unknown type say nothing and are passed over."""

    repeats = True
    arguments = None

    def read(self, data: bytes) -> tuple[Event, ...]:
        """See `Reader`."""
        try:
            event = _decode(data)
        except msgspec.ValidationError:
            return _pass_over(data)
        except (ValueError, RecursionError):
            return _read_cut_text(data)
        return () if type(event) is Ping else (event,)

    def end(self) -> tuple[Event, ...]:
        """Nothing: only `message_stop` ends a Messages reply."""
        return ()


def _pass_over(data: bytes) -> tuple[()]:
    """Raises RefusedError unless it is an object, and no error."""
    if data != b"[DONE]":
        value = loose_json.decode_any(data)
        if not isinstance(value, dict) or refusals.find_error(value):
            raise RefusedError
    return ()


def _read_cut_text(data: bytes) -> tuple[Event, ...]:
    """An event whose text ends or begins within a surrogate pair: the literal stays as it is."""
    try:
        event = loose_json.decode_typed(data, _decode)
    except msgspec.ValidationError:
        return _pass_over(data)
    except (ValueError, RecursionError):
        raise RefusedError from None
    return () if isinstance(event, Ping) else (event,)
