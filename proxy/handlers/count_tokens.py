"""`POST /v1/messages/count_tokens`: by the local counter, or by the upstream if configured so.

z.ai's own counter says 0 for some models and knows nothing of images (zai.md 0.3), so whenever it
fails, says 0 or would not be the endpoint to serve the request, the local one answers.
"""

import logging
from typing import Any, Final

from aiohttp import web

from proxy import loose_json, models
from proxy.context import CALL, COUNTER, CREDENTIAL, OBSERVATION, ROUTE, SCALE, SETTINGS, UPSTREAM
from proxy.dialects.messages.request import as_read
from proxy.dialects.registry import ENDPOINTS, upstream_request
from proxy.errors import GatewayError
from proxy.loose_json import encode
from proxy.upstream.headers import forwarded

_log: Final = logging.getLogger("proxy.count_tokens")
_FIELDS: Final = ("model", "messages", "system", "tools", "tool_choice", "thinking")
_ANSWER_LIMIT: Final = 64 * 1024


async def count_tokens(request: web.Request) -> web.Response:
    """`{"input_tokens": n}`, scaled like usage."""
    tokens = 0
    asks_upstream = request.app[SETTINGS].count_tokens == "upstream"
    if asks_upstream and request[ROUTE].endpoint == "anthropic":
        tokens = await _ask_upstream(request)
    if not tokens:
        call, seen = request[CALL], request[OBSERVATION]
        told, model = as_read(call.body, call.view), request[ROUTE].model
        tokens = await request.app[COUNTER].count_async(told, model, seen.bytes_in)
        seen.estimate = tokens
    return web.json_response({"input_tokens": request[SCALE].apply(tokens)})


async def _ask_upstream(request: web.Request) -> int:
    """The Anthropic endpoint's count, raw; 0 where it has none."""
    call, route = request[CALL], request[ROUTE]
    model = models.describe(route.model, request.app[SETTINGS].real_text_model_tokens)
    endpoint = ENDPOINTS["anthropic"]
    told = upstream_request(call.dialect, endpoint, call.view, call.body, model, call.changes)
    body = encode({name: told[name] for name in _FIELDS if name in told})
    path = f"{endpoint.path}/count_tokens"
    headers = forwarded(request.headers, "anthropic", request[CREDENTIAL].key, call.changes)
    try:
        async with request.app[UPSTREAM].open("anthropic", path, body, headers) as response:
            request[OBSERVATION].upstream_status = response.status
            answer = await response.content.read(_ANSWER_LIMIT)
            return _tokens(answer) if response.status == 200 else 0
    except GatewayError as error:
        _log.info("upstream count failed", extra={"error": error.problem.code})
        return 0


def _tokens(answer: bytes) -> int:
    try:
        value: Any = loose_json.decode(answer)
    except ValueError:
        return 0
    tokens = value.get("input_tokens") if isinstance(value, dict) else None
    return tokens if isinstance(tokens, int) and tokens > 0 else 0
