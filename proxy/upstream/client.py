"""One pooled session to z.ai's two endpoints: opens a reply, tells failures as problems.

Nothing is followed (redirects), remembered (cookies) or decided here; requests, and so keys, go to
the two configured bases only.
"""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from proxy.errors import GatewayError, Problem
from proxy.routing import EndpointName
from proxy.upstream import lean, trust
from proxy.upstream.environment import proxy_for
from proxy.upstream.failures import problem_of
from proxy.upstream.lean import LeanClient
from proxy.upstream.reply import Client, Reply, StaleConnectionError
from proxy.upstream.session import SessionClient, reuse_tracing
from proxy.upstream.warmth import Warmth

_KEEP_ALIVE_SECONDS: Final = 120.0
_DNS_SECONDS: Final = 300
_READ_BUFFER: Final = 32 * 1024
"""aiohttp stops reading at twice this: what a client does not read stays with the upstream."""


class Upstream:
    """The connections and the two targets. Made inside the event loop; `close()` it."""

    def __init__(
        self,
        anthropic_base: str,
        openai_base: str,
        connect_seconds: float,
        user_agent: str,
        *,
        warm_connections: int = 0,
    ) -> None:
        self.bases: Mapping[EndpointName, str] = {
            "anthropic": anthropic_base,
            "openai": openai_base,
        }
        is_secure = any(base.startswith("https:") for base in self.bases.values())
        self._tls = trust.load().context if is_secure else True
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._user_agent = user_agent
        self._connector = self._make_connector(keepalive_timeout=_KEEP_ALIVE_SECONDS)
        self._session = self._make_session(self._connector)
        self._once = self._make_session(self._make_connector(force_close=True))
        self._pooled: dict[str, Client] = {}
        self._fresh: dict[str, Client] = {}
        self._lean: dict[str, LeanClient] = {}
        for base in dict.fromkeys(self.bases.values()):
            proxy = proxy_for(base)
            self._pooled[base] = SessionClient(self._session, base, proxy)
            self._fresh[base] = SessionClient(self._once, base, proxy)
            if proxy is None and lean.KNOWN:
                self._lean[base] = self._lean_client(base)
        secure = [client for base, client in self._lean.items() if base.startswith("https:")]
        targets = list({client.key: client for client in secure}.values())
        self._warmth = Warmth(targets, warm_connections)
        self._warmth.start()

    def _make_connector(self, **options: Any) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            ssl=self._tls,
            limit=0,
            ttl_dns_cache=_DNS_SECONDS,
            resolver=aiohttp.ThreadedResolver(),
            **options,
        )

    def _make_session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        """A session that keeps no cookies."""
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": self._user_agent},
            timeout=self._timeout,
            read_bufsize=_READ_BUFFER,
            trace_configs=[reuse_tracing()],
        )

    def _lean_client(self, base: str) -> LeanClient:
        return LeanClient(
            self._connector,
            base,
            timeout=self._timeout,
            user_agent=self._user_agent,
            read_buffer=_READ_BUFFER,
        )

    @property
    def trusted(self) -> str:
        """The store of certificates that are believed, for people reading an error."""
        return trust.load().store

    @property
    def keeps_warm(self) -> bool:
        """Whether connections wait for requests."""
        return bool(self._warmth.targets)

    @property
    def warm_connections(self) -> int:
        """How many wait at this moment."""
        return sum(target.idle for target in self._warmth.targets)

    async def close(self) -> None:
        """Close all connections."""
        await self._warmth.close()
        await self._session.close()
        await self._once.close()

    def open(
        self, endpoint: EndpointName, path: str, body: bytes, headers: Mapping[str, str]
    ) -> "_Opening":
        """POST `body`: a context with the reply, its body still unread.

        Raises GatewayError when there is no response, or when it breaks while it is read.
        """
        return _Opening(self, self.bases[endpoint], path, body, headers)

    def clients(self, base: str) -> tuple[Client, Client]:
        """Who asks `base`: over the pool, and over a fresh connection."""
        self._warmth.use()
        pooled = self._lean.get(base) if lean.usable() else None
        return pooled or self._pooled[base], self._fresh[base]


class _Opening:
    """The context of one request: connected at its beginning, released at its end."""

    __slots__ = ("_arguments", "_base", "_reply", "_upstream")

    def __init__(self, upstream: Upstream, base: str, *arguments: Any) -> None:
        self._upstream = upstream
        self._base = base
        self._arguments = arguments
        self._reply: Reply | None = None

    async def __aenter__(self) -> Reply:
        """The reply; a pooled connection that proves dead is replaced by a fresh one, once.

        aiohttp does that for GET alone.
        """
        pooled, fresh = self._upstream.clients(self._base)
        try:
            try:
                self._reply = await pooled.post(*self._arguments)
            except StaleConnectionError:
                self._reply = await fresh.post(*self._arguments)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise GatewayError(self._problem(error)) from error
        return self._reply

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        if self._reply:
            self._reply.release()
        if isinstance(error, TimeoutError | aiohttp.ClientError):
            raise GatewayError(self._problem(error)) from error

    def _problem(self, error: Exception) -> Problem:
        return problem_of(error, self._base, self._upstream.trusted)
