"""z.ai's business codes, and the bodies in which each endpoint sends them (zai.md 1.3, 2.3).

The Anthropic-style endpoint repeats code and request id in the message; the OpenAI-style one sends
two strings and no type. Both sometimes say HTTP 200 and mean an error.
"""

from dataclasses import dataclass
from typing import Any, Final

from proxy.simulator.script import Reply, encode
from proxy.simulator.turn import EndpointName, Failure


@dataclass(frozen=True, slots=True)
class _Error:
    status: int
    message: str


_ACCOUNT: Final = "Your account is currently unavailable. Please contact customer service."
_PLAN: Final = "Your current subscription plan does not include this request."
_RESET: Final = "Your limit will reset at"
_OVERLOAD: Final = "The service may be temporarily overloaded, please try again later"

_ERRORS: Final[dict[str, _Error]] = {
    "1000": _Error(401, "Authentication Failed"),
    "1001": _Error(401, "Header中未收到Authorization参数，无法进行身份验证。"),
    "1002": _Error(401, "Invalid Authentication Token"),
    "1003": _Error(401, "Authentication Token expired"),
    "1004": _Error(401, "Authentication failed with the provided Authentication Token"),
    **dict.fromkeys(("1110", "1111", "1112", "1121"), _Error(429, _ACCOUNT)),
    "1113": _Error(429, "Insufficient balance or no resource package. Please recharge."),
    "1120": _Error(429, "Unable to access your account, please try again later"),
    "1210": _Error(400, "Invalid API parameter, please check the documentation."),
    "1211": _Error(400, "Unknown Model, please check the model code."),
    "1212": _Error(400, "The current model does not support this call method"),
    "1213": _Error(400, "A required parameter was not received properly"),
    "1214": _Error(400, "The messages parameter is illegal. Please check the documentation."),
    "1215": _Error(400, "Two parameters cannot be set simultaneously"),
    "1220": _Error(400, "You do not have permission to access this API"),
    "1221": _Error(400, "This API has been taken offline"),
    "1222": _Error(400, "This API does not exist"),
    "1230": _Error(400, "API call process error"),
    "1231": _Error(400, "You already have an existing request"),
    "1234": _Error(500, "Network error, please contact customer service"),
    "1261": _Error(400, "Prompt exceeds max length"),
    "1300": _Error(400, "The API call has been blocked by policy"),
    "1301": _Error(
        400,
        "The system has detected that your input or generated content may contain unsafe or "
        "sensitive content.",
    ),
    "1302": _Error(429, "Rate limit reached for requests"),
    "1303": _Error(429, "High frequency usage of this API, please reduce frequency"),
    "1304": _Error(429, "Daily call limit for this API reached"),
    "1305": _Error(429, _OVERLOAD),
    "1308": _Error(429, f"Usage limit reached for 5 hour. {_RESET} 2026-08-31 18:19:41"),
    "1309": _Error(429, "Your GLM Coding Plan package has expired"),
    "1310": _Error(429, f"Weekly/Monthly Limit Exhausted. {_RESET} 2026-09-07 00:00:00"),
    "1311": _Error(429, "Your current subscription plan does not include access to this model"),
    "1312": _Error(429, "This model is currently busy, please try again later"),
    "1313": _Error(429, "Your usage does not comply with the fair usage policy"),
    **dict.fromkeys(map(str, range(1314, 1322)), _Error(429, _PLAN)),
    "500": _Error(500, "Internal network failure"),
    "529": _Error(529, _OVERLOAD),
}
_CHINESE: Final[dict[str, str]] = {"1211": "模型不存在，请检查模型代码。"}
"""What the Anthropic-style endpoint says in another language than its neighbour."""

_TYPES: Final[dict[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
_KEYLESS: Final = ("1000", "1001", "1003")
"""Seen with the code where the type should be, and no request id (zai.md 1.3)."""
_RETRY_HINT: Final = {"retry-after": "1", "x-should-retry": "true"}
"""Seen only with the Anthropic-style endpoint's overload (zai.md 1.3)."""


def is_known(code: str) -> bool:
    """Whether z.ai has such a code."""
    return code in _ERRORS


def error_reply(endpoint: EndpointName, failure: Failure, request_id: str) -> Reply:
    """The failure as this endpoint sends it, in its costume."""
    code = "1305" if failure.code == "529" else failure.code
    known = _ERRORS[failure.code]
    own_words = _CHINESE if endpoint == "anthropic" else {}
    message = failure.message or own_words.get(code, known.message)
    bare = {"error": {"code": code, "message": message}}
    match failure.costume:
        case "json":
            return Reply.json({"code": int(code), "msg": message, "success": False})
        case "event":
            return _event(endpoint, bare, request_id)
    if endpoint == "openai":
        return Reply.json(bare, known.status)
    return _typed(code, message, known.status, request_id)


def _typed(code: str, message: str, status: int, request_id: str) -> Reply:
    """The Anthropic-style endpoint: typed, with the request id, and overload as 529."""
    if code in _KEYLESS:
        return Reply.json({"type": "error", "error": {"type": code, "message": message}}, status)
    status = 529 if code == "1305" else status
    details = {
        "type": _TYPES[status],
        "code": code,
        "message": f"[{code}][{message}][{request_id}]",
    }
    body = {"type": "error", "error": details, "request_id": request_id}
    return Reply.json(body, status, _RETRY_HINT if status == 529 else None)


def _event(endpoint: EndpointName, bare: dict[str, Any], request_id: str) -> Reply:
    """The costume of HTTP 200: an error where the first event should be, then `[DONE]`."""
    done = b"data: [DONE]\n\n"
    if endpoint == "openai":
        return Reply.sse(b"data: " + encode(bare) + b"\n\n", done)
    event = encode({**bare, "request_id": request_id})
    return Reply.sse(b"event: error\ndata: " + event + b"\n\n", done)


def unprocessable(detail: list[dict[str, Any]]) -> Reply:
    """The validation error of the framework in front of the Anthropic-style endpoint."""
    return Reply.json({"detail": detail}, 422)


NOT_FOUND: Final = Reply.json({"code": 500, "msg": "404 NOT_FOUND", "success": False})
"""An unknown route is HTTP 200 (zai.md 1.2)."""
