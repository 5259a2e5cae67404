"""What the tests of `doctor` share: a z.ai that answers by path, and running an examination."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.doctor.examination import Options, examine
from proxy.doctor.local import Key
from proxy.doctor.report import Finding
from proxy.settings import Settings
from proxy.simulator import Address, Received, Reply, Script, serve_simulator

SECRET: Final = "sk-doctor-0123456789"
KEY: Final = Key(SECRET, "ZAI_KEY")
CODING: Final = "/api/coding/paas/v4/chat/completions"
PAYG: Final = "/api/paas/v4/chat/completions"
MESSAGES: Final = "/api/anthropic/v1/messages"


@dataclass(slots=True, eq=False)
class ByPath(Script):
    """A script whose answer to a path is always the same."""

    answers: Mapping[str, Reply] = field(default_factory=dict)

    def record(self, received: Received) -> Reply | None:
        """See `Script`."""
        return Script.record(self, received) or self.answers.get(received.path)


@dataclass(frozen=True, slots=True)
class Patient:
    """A z.ai and the settings that lead to it."""

    zai: Address
    script: ByPath
    settings: Settings

    async def examined(self, key: Key = KEY, **options: Any) -> "Findings":
        """All findings."""
        return Findings([each async for each in examine(self.settings, key, Options(**options))])


class Findings(list[Finding]):
    """Findings by the beginning of their name."""

    def of(self, name: str) -> Finding:
        """The only one whose name begins so."""
        (found,) = [finding for finding in self if finding.name.startswith(name)]
        return found

    def verdicts(self) -> dict[str, str]:
        """Name to verdict."""
        return {finding.name: finding.verdict for finding in self}


@asynccontextmanager
async def patient(
    answers: Mapping[str, Reply] | None = None, *, pay_as_you_go: bool = False, **settings: Any
) -> AsyncIterator[Patient]:
    """A z.ai that answers these paths so, and everything else as usual."""
    async with AsyncExitStack() as cleanup:
        script = ByPath(answers=answers or {})
        zai = await cleanup.enter_async_context(serve_simulator(script))
        settings.setdefault("upstream_base", zai.anthropic_base)
        settings["openai_upstream_base"] = zai.payg_base if pay_as_you_go else zai.openai_base
        settings.setdefault("host", ("127.0.0.1",))
        settings.setdefault("port", 0)
        yield Patient(zai, script, Settings(**settings))


def refusal(code: str, message: str, status: int) -> Reply:
    """z.ai's refusal in the shape of both endpoints."""
    return Reply.json({"error": {"code": code, "message": message}}, status)
