"""`anthropic-proxy replay FILE`: reads, plays, compares; says it in text or in JSON."""

import argparse
import asyncio
import json
from pathlib import Path
from typing import Final

from proxy.commands import Tell
from proxy.errors import DialectName, GatewayError
from proxy.recording.compare import differences, request_differences
from proxy.recording.lines import UnreadableError
from proxy.recording.replay import replay as play
from proxy.recording.replay import translate
from proxy.recording.tape import Tape, load

SAME, DIFFERENT, UNREADABLE = 0, 1, 2
"""The exit codes."""

_CUT: Final = "The recording was cut (it grew too large) and is compared as far as it goes."


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.add_argument("file", type=Path, help="the recording")
    parser.add_argument(
        "--as",
        dest="dialect",
        choices=("chat", "messages"),
        help="show the answer as a client of this dialect would get it; compare nothing",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(
        standalone=lambda told: replay(told.file, told.dialect, as_json=told.json, tell=tell)
    )


def replay(path: Path, dialect: DialectName | None, *, as_json: bool, tell: Tell) -> int:
    """Run the command; the exit code."""
    try:
        tape = load(path)
    except UnreadableError as error:
        tell(json.dumps({"error": str(error)}) if as_json else str(error))
        return UNREADABLE
    if dialect:
        return _show(tape, dialect, as_json=as_json, tell=tell)
    return _compare(tape, as_json=as_json, tell=tell)


def _show(tape: Tape, dialect: DialectName, *, as_json: bool, tell: Tell) -> int:
    """The answer in `dialect`, as bytes of a stream or a body are: without anything around them."""
    told = asyncio.run(play(tape, dialect))
    text = told.body.decode("utf-8", "replace") if told else ""
    if as_json:
        tell(json.dumps({"status": told.status if told else None, "body": text}))
    else:
        tell(text.removesuffix("\n"))
    return SAME


def _compare(tape: Tape, *, as_json: bool, tell: Tell) -> int:
    header = tape.header
    request = _request_differences(tape)
    now = asyncio.run(play(tape))
    reply = differences(tape.told, now, redacted=header.redacted, partial=tape.partial)
    if as_json:
        tell(json.dumps({"request": request, "reply": reply, "cut": tape.cut}))
    else:
        tell("\n".join([_title(tape), *_report("request", request), *_report("reply", reply)]))
    return DIFFERENT if request or reply else SAME


def _request_differences(tape: Tape) -> list[str]:
    """What would go upstream otherwise: each body that did is looked for among those of today."""
    if not tape.attempts:
        return []
    try:
        forms = translate(tape)
    except GatewayError as error:
        return [f"refused today: {error.problem.text()}"]
    bodies = dict.fromkeys(attempt.body for attempt in tape.attempts)
    redacted = tape.header.redacted
    return [line for body in bodies for line in request_differences(body, forms, redacted=redacted)]


def _title(tape: Tape) -> str:
    header = tape.header
    where = f"{header.route.asked} on {header.route.endpoint}" if header.route else "refused"
    told = (
        f"{header.request_id}: {header.dialect} client, {where}; {tape.end.outcome}, "
        f"{len(tape.attempts)} attempt(s), {header.time:%Y-%m-%d %H:%M:%S} UTC, "
        f"version {header.version}"
    )
    return f"{told}\n{_CUT}" if tape.cut else told


def _report(what: str, diff: list[str]) -> list[str]:
    return [f"{what}: different", *diff] if diff else [f"{what}: same"]
