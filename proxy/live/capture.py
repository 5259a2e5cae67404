"""CAPTURE: the last prompt and the answer of a request, as text, among its details.

Off by default, and then nothing here runs. The answer is overheard on its way to the client, in
the client's dialect; of it the beginning is kept, of the prompt the end, where the question stands.
Both are bounded, and keys are taken out before anybody is told.
"""

import logging
import re
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from proxy import literals, sse
from proxy.context import CALL, OBSERVATION, SETTINGS, Handler
from proxy.literals import Text
from proxy.loose_json import decode_any, join, mapping, objects
from proxy.secrecy import SHORTEST_SECRET, secrets_of

LIMIT: Final = 4096
"""Characters of a text that are shown."""

_SLACK: Final = 512
"""Characters more that are kept: a key that the cut divides lies in them, and goes with them."""

KEPT: Final = LIMIT + _SLACK
_KEYS: Final = re.compile(
    r"(?<![A-Za-z0-9])sk-[\w-]{16,}|[0-9a-f]{32}\.[A-Za-z0-9]{16}|(?i:bearer)\s+[\w.~+/-]{16,}=*"
)
"""What looks like a key: of most providers, of z.ai, and whatever is called a bearer token."""

Texts = tuple[str | None, str | None]
"""The prompt and the answer."""

NO_TEXTS: Final[Texts] = None, None

_log: Final = logging.getLogger("proxy.live")


class Answer:
    """The beginning of what an answer says; reasoning and tool calls are left out."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._room = KEPT + 1

    def __str__(self) -> str:
        return join(self._pieces)

    def overhear(self, run: bytes) -> None:
        """Take whole frames of the stream."""
        for data in sse.payloads(run) if self._room else ():
            self.take(decode_any(data))

    def take(self, value: Any) -> None:
        """Take an event, or a whole answer."""
        piece = _said(value)[: self._room]
        self._room -= len(piece)
        self._pieces.append(piece)


ANSWER: Final = web.RequestKey("answer", Answer)


def install(app: web.Application) -> None:
    """Capture in this application, and say so in its log."""
    app.middlewares.append(_take_whole)
    app.on_response_prepare.append(_listen)
    app.on_startup.append(_warn)


def captured(request: web.Request) -> Texts:
    """Prompt and answer of a request, as far as they are known; None where CAPTURE is not set."""
    if not request.app[SETTINGS].capture or CALL not in request:
        return NO_TEXTS
    secrets = sorted(secrets_of(request), key=len, reverse=True)
    prompt = shown(_prompt(request[CALL].view.messages), secrets, end=True)
    answer = shown(str(request[ANSWER]), secrets) if ANSWER in request else ""
    return prompt or None, answer or None


def shown(text: str, secrets: Iterable[str], *, end: bool = False) -> str:
    """At most LIMIT characters of `text`, from its beginning or its end, without keys."""
    cut = len(text) > KEPT
    part = _without_keys(text[-KEPT:] if end else text[:KEPT], secrets)
    if cut:
        part = part[_SLACK:] if end else part[:-_SLACK]
    if not cut and len(part) <= LIMIT:
        return part
    return "… " + part[-LIMIT:] if end else part[:LIMIT] + " …"


def _without_keys(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return _KEYS.sub("***", text)


def _prompt(messages: list[Any]) -> str:
    """The last text of a user; results of tools, which come in the same role, are none."""
    for message in reversed(messages):
        if message.role == "user" and (text := _text(message.content)):
            return text
    return ""


def _said(value: Any) -> str:
    """What an event or a whole answer adds, in either dialect; of several choices the first."""
    told = mapping(value)
    choice = next(iter(objects(told.get("choices"))), {})
    chat = mapping(choice.get("delta") or choice.get("message"))
    return _text(chat.get("content")) + _text([told.get("delta")]) + _text(told.get("content"))


def _text(content: Any) -> str:
    """A text, or the texts of a list of parts."""
    if isinstance(content, Text):
        return literals.read(content)
    texts = (part.get("text") for part in objects(content))
    return "\n".join(text for text in texts if isinstance(text, str))


@web.middleware
async def _take_whole(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take an answer that is not streamed."""
    response = await handler(request)
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes) and response.status == 200:
        request[ANSWER] = Answer()
        request[ANSWER].take(decode_any(body))
    return response


async def _listen(request: web.Request, response: web.StreamResponse) -> None:
    """Overhear a stream of which nothing has been written yet."""
    stream = request[OBSERVATION].stream
    if stream and not isinstance(response, web.Response):
        request[ANSWER] = Answer()
        stream.listener = request[ANSWER].overhear


async def _warn(_app: web.Application) -> None:
    _log.warning("CAPTURE is set: prompts and answers are kept in memory and shown at /ui")
