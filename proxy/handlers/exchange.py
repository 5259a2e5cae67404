"""One request on its way: attempts until one succeeds, limits, silence, and a truthful end.

Until the upstream has shown a first real event the client has been told nothing, so a failure is
either tried again or becomes a real status; after that it becomes the dialect's in-stream error.
The watchdog looks at every exchange for limits and for clients that left.
"""

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Final

from aiohttp import web

from proxy import models, sse
from proxy.context import (
    CALL,
    COOLDOWNS,
    COUNTER,
    CREDENTIAL,
    GATES,
    OBSERVATION,
    RECORDING,
    ROUTE,
    SCALE,
    SETTINGS,
    UPSTREAM,
    WATCHDOG,
)
from proxy.dialects.messages.request import as_read
from proxy.dialects.registry import ENDPOINTS, transcoder
from proxy.dialects.transcoder import ReplyContext, Transcoder
from proxy.errors import DialectName, GatewayError, Problem, invalid
from proxy.handlers import delivery, limits
from proxy.handlers.client_stream import ClientLeftError, ClientStream
from proxy.handlers.opening import finish_reading, open_reply
from proxy.handlers.reading import Chunks
from proxy.handlers.sending import Sending
from proxy.upstream import retry
from proxy.upstream.advice import advise
from proxy.upstream.gate import Gate
from proxy.upstream.headers import UPSTREAM_REQUEST_ID, passed_back

_KEEP_ALIVE_SECONDS: Final = 10.0
_COMMENT: Final = sse.comment(b"keep-alive")
_KEEP_ALIVE: Final[dict[DialectName, bytes]] = {
    "messages": sse.frame(b'{"type":"ping"}', b"ping"),
    "chat": _COMMENT,
}
"""A sign of life within a reply; before its first event only a comment is allowed."""

_LARGE: Final = 256 * 1024

_UNEXPLAINED: Final = frozenset({"invalid_request_error", "api_error"})
"""Kinds of refusals that may be due to bytes which nobody here had to read."""

_CONCURRENCY_CODES: Final = frozenset({"1302", "1303"})


class Exchange:
    """A chat completion or a message, from parsed request to finished response."""

    def __init__(self, request: web.Request) -> None:
        self._app = app = request.app
        self._request = request
        self._call = request[CALL]
        self._route = request[ROUTE]
        self._settings = app[SETTINGS]
        self._seen = request[OBSERVATION]
        self._endpoint = ENDPOINTS[self._route.endpoint]
        self._model = models.describe(self._route.model, self._settings.real_text_model_tokens)
        self._key = hashlib.sha256(request[CREDENTIAL].key.encode()).hexdigest()
        self._recording = recording = request.get(RECORDING)
        self._upstream = recording.upstream(app[UPSTREAM]) if recording else app[UPSTREAM]
        self._stream = recording.stream(request) if recording else ClientStream(request)
        self._seen.stream = self._stream
        self._transcoder: Transcoder | None = None
        self._loop = asyncio.get_running_loop()
        self._clock = limits.Clock(self._loop.time())
        self._task: asyncio.Task[object] | None = None
        self._end: GatewayError | ClientLeftError | None = None
        self._over = False

    async def run(self) -> web.StreamResponse:
        """The response. Raises GatewayError, before or after the client was told a status."""
        self._task = asyncio.current_task()
        counting = self._start_counting()
        watchdog = self._app[WATCHDOG]
        watchdog.watch(self)
        try:
            return await self._reply(counting)
        except asyncio.CancelledError:
            if self._end is None or self._task is None:
                raise
            self._task.uncancel()
            raise self._advised(self._end) from None
        except GatewayError as error:
            raise self._advised(error) from error
        finally:
            self._over = True
            watchdog.leave(self)
            if counting:
                counting.cancel()
            if self._transcoder:
                self._seen.usage = self._transcoder.usage
                self._seen.repairs = self._transcoder.repairs

    def stop(self, reason: GatewayError | ClientLeftError) -> None:
        """End from outside, at once: a limit, a client that left, a shutdown."""
        if self._task and not self._over and not self._stream.finished and self._end is None:
            self._end = reason
            self._task.cancel()

    async def look(self, now: float) -> None:
        """See `Watched`."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self.stop(ClientLeftError())
        elif problem := self._clock.exceeded(
            now, self._settings, waiting=self._seen.first_event is None
        ):
            self.stop(GatewayError(problem))
        elif self._call.streams and not self._stream.finished and self._end is None:
            await self._keep_client(now)

    async def _keep_client(self, now: float) -> None:
        """No client waits longer than the hold time for a status, nor 10 s for a sign of life."""
        try:
            if not self._stream.committed:
                if now - self._clock.begun >= self._settings.hold_seconds:
                    await self._stream.keep_alive(_COMMENT)
            elif now - self._stream.last_write >= _KEEP_ALIVE_SECONDS:
                waiting = self._seen.first_event is None
                frame = _COMMENT if waiting else _KEEP_ALIVE[self._call.dialect.name]
                await self._stream.keep_alive(frame)
        except ClientLeftError as error:
            self.stop(error)

    async def _reply(self, counting: "asyncio.Task[int] | None") -> web.StreamResponse:
        """Attempts, as long as one more is worth it and nothing of a reply was shown."""
        await self._let_others_run()
        sending = Sending(self._request, self._endpoint, self._model)
        await self._let_others_run()
        tries = 1
        while True:
            try:
                response = await self._attempt(sending, counting)
            except GatewayError as error:
                problem = error.problem
                if self._seen.first_event is not None:
                    raise
                was_refused = self._seen.upstream_status is not None
                if was_refused and problem.kind in _UNEXPLAINED and not sending.is_utf8:
                    raise invalid("body: not valid UTF-8") from None
                if sending.degrade(problem):
                    self._overcome(problem)
                    continue
                spent = self._loop.time() - self._clock.begun
                wait = retry.delay(problem, tries, spent, self._settings.retry_seconds)
                if wait is None:
                    raise
                self._overcome(problem)
                self._clock.asked = None
                await asyncio.sleep(wait)
                tries += 1
                self._seen.retries += 1
            else:
                return response

    def _overcome(self, problem: Problem) -> None:
        """Another attempt is made in spite of `problem`, which the metrics still count."""
        self._seen.overcome += (problem.code or problem.kind,)

    async def _let_others_run(self) -> None:
        """Between two passes over a large request, each of which takes some milliseconds."""
        if self._seen.bytes_in > _LARGE:
            await asyncio.sleep(0)

    async def _attempt(
        self, sending: Sending, counting: "asyncio.Task[int] | None"
    ) -> web.StreamResponse:
        """One try, unless the quota is known to be used up; in the key's turn."""
        cooldowns = self._app[COOLDOWNS]
        cooling = cooldowns.check(self._key, self._route.model, time.time())
        if cooling:
            raise GatewayError(cooling)
        gate = self._app[GATES].of(self._key)
        async with gate:
            try:
                response = await self._open(sending, counting)
            except GatewayError as error:
                self._learn(error.problem, gate)
                raise
            gate.succeeded(self._loop.time())
        sending.succeeded()
        cooldowns.succeeded(self._key, self._route.model)
        return response

    def _learn(self, problem: Problem, gate: Gate) -> None:
        """What a refusal says of the requests to come."""
        if problem.code in _CONCURRENCY_CODES:
            gate.refused(self._loop.time())
        cooldowns = self._app[COOLDOWNS]
        cooldowns.refused(self._key, self._route.model, problem, time.time())

    async def _open(
        self, sending: Sending, counting: "asyncio.Task[int] | None"
    ) -> web.StreamResponse:
        key = self._request[CREDENTIAL].key
        self._transcoder = None
        self._seen.passed_back = {}
        self._clock.asked = self._loop.time()
        async with self._upstream.open(
            self._route.endpoint, self._endpoint.path, sending.body, sending.headers
        ) as response:
            self._seen.upstream_status = response.status
            told = self._seen.passed_back = passed_back(response.headers, key)
            self._seen.upstream_request_id = told.get(UPSTREAM_REQUEST_ID)
            whole = await open_reply(response, self._endpoint, self._model.window, self._limit)
            self._seen.estimate = await counting if counting else None
            context = self._context()
            if self._recording:
                self._recording.context = context
            reply = self._transcoder = transcoder(self._call.dialect, self._endpoint, context)
            chunks = Chunks(response, self._clock, whole)
            if self._call.streams:
                answer = await delivery.pass_on(chunks, reply, self._stream, self._seen)
            else:
                fold = self._call.dialect.fold()
                answer = await delivery.gather(chunks, reply, fold, self._seen)
            await finish_reading(response)
            return answer

    @property
    def _limit(self) -> int:
        return self._settings.max_frame_mb * 1024 * 1024

    def _context(self) -> ReplyContext:
        options = getattr(self._call.view, "stream_options", None)
        return ReplyContext(
            model=self._route.asked,
            scale=self._request[SCALE],
            window=self._model.window,
            created=int(time.time()),
            reply_id=self._seen.request_id,
            estimate=self._seen.estimate,
            include_usage=bool(options and options.include_usage),
            schemas=self._call.dialect.schemas(self._call.view),
            frame_limit=self._limit,
            streams=self._call.streams,
        )

    def _start_counting(self) -> "asyncio.Task[int] | None":
        """The local estimate for `message_start`, made while the upstream works."""
        if self._call.dialect.name != "messages" or not self._call.streams:
            return None
        counter, told = self._app[COUNTER], as_read(self._call.body, self._call.view)
        counting = counter.count_async(told, self._route.model, self._seen.bytes_in)
        return asyncio.create_task(counting)

    def _advised(self, error: GatewayError | ClientLeftError) -> GatewayError | ClientLeftError:
        """With what to do about it, and without the key, should the upstream have repeated it."""
        if isinstance(error, ClientLeftError):
            return error
        base = self._app[UPSTREAM].bases[self._route.endpoint]
        problem = advise(error.problem, base)
        key = self._request[CREDENTIAL].key
        return GatewayError(replace(problem, message=problem.message.replace(key, "***")))
