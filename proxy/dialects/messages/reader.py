"""Upstream Messages frames to events: they are the inner language already, so this only decodes."""

import msgspec

from proxy import loose_json, refusals
from proxy.dialects.events import Event, Ping
from proxy.dialects.translation import RefusedError, read_each

_decode = msgspec.json.Decoder(Event | Ping).decode


class MessagesReader:
    """See `Reader`. Pings and events or deltas of unknown type say nothing and are passed over."""

    def read(self, frames: list[bytes]) -> list[Event]:
        """See `Reader`."""
        try:
            return [event for data in frames if type(event := _decode(data)) is not Ping]
        except (ValueError, RecursionError):
            return read_each(frames, _read)

    def end(self) -> tuple[Event, ...]:
        """Nothing: only `message_stop` ends a Messages reply."""
        return ()


def _read(data: bytes, events: list[Event]) -> None:
    """Append the event in `data`. Raises RefusedError for an error event or unreadable data."""
    try:
        event = _decode(data)
        if type(event) is not Ping:
            events.append(event)
    except msgspec.ValidationError:
        _pass_over(data)
    except (ValueError, RecursionError):
        _read_cut_text(data, events)


def _pass_over(data: bytes) -> None:
    if data == b"[DONE]":
        return
    value = loose_json.decode_any(data)
    if not isinstance(value, dict) or refusals.find_error(value):
        raise RefusedError(data)


def _read_cut_text(data: bytes, events: list[Event]) -> None:
    """An event whose text ends or begins within a surrogate pair: the literal stays as it is."""
    try:
        events.append(loose_json.decode_typed(data, _decode))
    except msgspec.ValidationError:
        _pass_over(data)
    except (ValueError, RecursionError):
        raise RefusedError(data) from None
