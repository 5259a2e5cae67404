"""The request that goes upstream: translated once, and weaker at each refusal that asks for it.

What a model refused is remembered, so that the next request does not have to be refused first.
"""

from typing import Final

from aiohttp import web

from proxy.context import CALL, CREDENTIAL, LEARNED, ROUTE
from proxy.dialects.degrade import DEGRADES
from proxy.dialects.registry import EndpointDialect, upstream_request
from proxy.errors import Problem
from proxy.loose_json import encode
from proxy.models import Model
from proxy.upstream.headers import forwarded

_REFUSED: Final = "1210"
_LEARNED_LIMIT: Final = 1_024


class Sending:
    """Body and headers of the upstream request."""

    def __init__(self, request: web.Request, endpoint: EndpointDialect, model: Model) -> None:
        call = request[CALL]
        self._route = request[ROUTE]
        self._changes = call.changes
        self._learned = request.app[LEARNED]
        self._degrades = dict(DEGRADES[endpoint.name])
        self._tried: str | None = None
        self._body = upstream_request(
            call.dialect, endpoint, call.view, call.body, model, call.changes
        )
        self.headers = forwarded(
            request.headers, self._route.endpoint, request[CREDENTIAL].key, call.changes
        )
        self._encoded: bytes | None = None
        for name in tuple(self._degrades):
            if self._memory(name) in self._learned:
                self._degrade(name)

    @property
    def body(self) -> bytes:
        """The body as JSON."""
        if self._encoded is None:
            self._encoded = encode(self._body)
        return self._encoded

    @property
    def is_utf8(self) -> bool:
        """Whether the body is UTF-8, as JSON has to be."""
        try:
            self.body.decode()
        except UnicodeDecodeError:
            return False
        return True

    def degrade(self, problem: Problem) -> bool:
        """Leave out what `problem` probably refuses; False if nothing is left to leave out."""
        if problem.code != _REFUSED:
            return False
        self._tried = None
        for name in tuple(self._degrades):
            if self._degrade(name):
                self._tried = name
                return True
        return False

    def succeeded(self) -> None:
        """The model took the request: remember what had to be left out for that."""
        if self._tried:
            if len(self._learned) >= _LEARNED_LIMIT:
                self._learned.clear()
            self._learned.add(self._memory(self._tried))

    def _degrade(self, name: str) -> bool:
        weaker = self._degrades.pop(name)(self._body)
        if weaker is None:
            return False
        self._changes.add(name, "refused by the model: sent without")
        self._body = weaker
        self._encoded = None
        return True

    def _memory(self, name: str) -> tuple[str, str, str]:
        return self._route.endpoint, self._route.model, name
