"""What a connection that failed means to the client: nothing of what the request contained."""

import aiohttp

from proxy.errors import Problem


def problem_of(error: Exception, base: str, trusted: str) -> Problem:
    """The problem for TimeoutError or aiohttp.ClientError; `trusted` names the trust store."""
    if isinstance(error, TimeoutError):
        return Problem(
            "timeout_error",
            f"Connecting to {base} took too long (CONNECT_SECONDS).",
            code="upstream_connect_timeout",
            retryable=True,
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return Problem(
            "api_error",
            f"The TLS certificate of {base} was not accepted by {trusted}.",
            status=502,
            code="upstream_tls_failed",
            hint="Behind an inspecting proxy, set SSL_CERT_FILE to its certificate.",
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return Problem(
            "api_error",
            "The HTTP proxy of the environment (HTTPS_PROXY) cannot be reached.",
            status=502,
            code="upstream_proxy_failed",
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return Problem(
            "api_error",
            f"{base} cannot be reached: {error.strerror or type(error.os_error).__name__}.",
            status=502,
            code="upstream_unreachable",
            retryable=True,
        )
    return Problem(
        "api_error",
        f"{base} {_broken(error)}.",
        status=502,
        code="upstream_disconnected",
        retryable=True,
    )


def _broken(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return "closed the connection in the middle of its reply"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "closed the connection without an answer"
    return f"broke the connection ({type(error).__name__})"
