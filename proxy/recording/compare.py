"""What was told and what would be told, side by side: a unified diff of frames, or of JSON."""

import difflib
import json
import re
from typing import Final

from proxy.recording.tape import Told
from proxy.sse import END, data_of, event_of

_STARS: Final = re.compile(rb"\*{2,}")


def differences(was: Told | None, now: Told | None, *, redacted: bool, partial: bool) -> list[str]:
    """The lines of a diff; empty if a client would see no difference.

    In a `redacted` recording runs of stars may differ in length: what they stand for was spelled in
    another way. A `partial` recording is compared as far as it goes.
    """
    if was is None or now is None:
        return [] if was is now or partial else _diff(_shown(was), _shown(now))
    if redacted:
        was, now = _shortened(was), _shortened(now)
    if was == now or (partial and _goes_on(was, now)):
        return []
    before, after = _shown(was), _shown(now)
    if partial:
        least = min(len(before), len(after))
        before, after = before[:least], after[:least]
    return _diff(before, after) or _diff(_spelled(was), _spelled(now))


def request_differences(was: bytes, forms: list[bytes], *, redacted: bool) -> list[str]:
    """The lines of a diff to the first of `forms`; empty if `was` is any of them."""
    found = [
        differences(_body(was), _body(form), redacted=redacted, partial=False) for form in forms
    ]
    return [] if [] in found else found[0]


def _body(body: bytes) -> Told:
    return Told(0, body)


def _goes_on(was: Told, now: Told) -> bool:
    """Whether one of two streams is the beginning of the other."""
    return was.streamed is now.streamed and (
        was.body.startswith(now.body) or now.body.startswith(was.body)
    )


def _shortened(told: Told) -> Told:
    return Told(told.status, _STARS.sub(b"*", told.body), told.streamed)


def _shown(told: Told | None) -> list[str]:
    """A line a frame; or the status and a readable body."""
    if told is None:
        return ["nothing: the client left"]
    if told.streamed:
        return [_frame(frame) for frame in told.body.removesuffix(END).split(END)]
    status = [f"status {told.status}"] if told.status else []
    return [*status, *_readable(told.body).splitlines()]


def _frame(frame: bytes) -> str:
    parts = (event_of(frame), data_of(frame))
    return b" ".join(part for part in parts if part).decode("utf-8", "replace") or repr(frame)


def _readable(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode("utf-8", "replace")


def _spelled(told: Told) -> list[str]:
    """Byte for byte, where the difference is one that reading hides."""
    return [repr(line) for line in told.body.split(b"\n")]


def _diff(before: list[str], after: list[str]) -> list[str]:
    return list(difflib.unified_diff(before, after, "recorded", "today", lineterm="", n=2))
