"""The command itself: settings, key, the examination; lines as they come, a table, an exit code."""

import argparse
import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Final

from proxy.commands import Tell
from proxy.doctor.examination import Options, examine
from proxy.doctor.local import find_key, read_settings
from proxy.doctor.report import Finding, as_json, healthy, table

_COSTS: Final = (
    "Each probe costs a few tokens of your plan (about 1,000 in all); --offline sends nothing. "
    "The key goes to the hosts of the configured bases only, unless --all-bases is given."
)


def register(parser: argparse.ArgumentParser, tell: Tell) -> None:
    """Make `parser` the command's; `tell` gets what is to be printed."""
    parser.description = f"{parser.description} {_COSTS}"
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--offline", action="store_true", help="send nothing over the network")
    parser.add_argument(
        "--all-bases",
        action="store_true",
        help="send the key to api.z.ai and open.bigmodel.cn, to find out where it belongs",
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=30.0, help="seconds that a probe may take (30)"
    )
    parser.set_defaults(standalone=lambda told: diagnose(told, tell))


def _seconds(told: str) -> float:
    seconds = float(told)
    if not math.isfinite(seconds) or seconds <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds


def diagnose(told: argparse.Namespace, tell: Tell) -> int:
    """Run the examination; 0 if nothing failed, else 1."""
    options = Options(told.offline, told.all_bases, told.timeout)
    if not told.json and not told.offline:
        tell(f"{_COSTS}\n")
    try:
        findings = asyncio.run(_run(options, (lambda _: None) if told.json else tell))
    except KeyboardInterrupt:
        return 130
    tell(json.dumps(as_json(findings), indent=2) if told.json else f"\n{table(findings)}")
    return 0 if healthy(findings) else 1


async def _run(options: Options, tell: Tell) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in _examine(options):
        findings.append(finding)
        tell(finding.line())
    return findings


async def _examine(options: Options) -> AsyncIterator[Finding]:
    """Every finding, without the secrets that an upstream may have echoed."""
    settings, finding = read_settings()
    yield finding
    if settings is None:
        return
    key, finding = find_key(settings)
    yield finding
    secrets = (key.value, settings.server_api_key, settings.gateway_key)
    async for found in examine(settings, key, options):
        yield found.without(secrets)
