"""The paths of the gateway itself: health, the API page, and what Claude Code probes."""

from typing import Any, Final

from proxy import pages
from proxy.openapi import errors, examples
from proxy.openapi.headers import request_id
from proxy.openapi.parts import file_response, json_response, object_schema, ref

Json = dict[str, Any]

PUBLIC: Final[list[Json]] = []
"""Security of what needs no API key."""

GUARDED: Final = errors.either("authentication_error", "permission_error")
"""What a path may answer to a stranger."""

OPEN: Final = errors.either("permission_error")
"""What health and the API page may: they want no gateway key."""


def gateway_paths(assets: list[str]) -> dict[str, Json]:
    """Path -> path item; `assets` are the API page's own files."""
    return {
        "/health": {"get": _health()},
        "/": {"get": _root(), "head": _probe()},
        "/api/event_logging/batch": {"post": _event_logging()},
        "/metrics": {"get": _metrics()},
        "/ui": {"get": _live_page()},
        "/ui/events": {"get": _live_events()},
        "/ui/{asset}": {"get": _live_asset()},
        "/docs": {"get": _page()},
        "/docs/{asset}": {"get": _asset(assets)},
        "/openapi.json": {"get": _document()},
    }


def _health() -> Json:
    return {
        "operationId": "health",
        "tags": ["Gateway"],
        "summary": "Is the gateway up?",
        "description": "Asks no upstream and tells no secret.",
        "security": PUBLIC,
        "responses": {
            "200": json_response("It is.", ref("Health")),
            **OPEN,
        },
    }


def _root() -> Json:
    return {
        "operationId": "root",
        "tags": ["Gateway"],
        "summary": "Who answers here",
        "security": PUBLIC,
        "responses": {"200": json_response("The gateway.", ref("Gateway")), **GUARDED},
    }


def _probe() -> Json:
    return {
        "operationId": "probe",
        "tags": ["Gateway"],
        "summary": "What Claude Code asks first",
        "security": PUBLIC,
        "responses": {"200": {"description": "The base URL is right.", "headers": request_id()}},
    }


def _event_logging() -> Json:
    body = {
        "content": {
            "application/json": {
                "schema": {"description": "Anything; it is not read."},
                "examples": examples.EVENTS,
            }
        }
    }
    return {
        "operationId": "logEvents",
        "tags": ["Gateway"],
        "summary": "Take Claude Code's telemetry, and forget it",
        "description": "Not kept, not passed on.",
        "security": PUBLIC,
        "requestBody": body,
        "responses": {"204": {"description": "Taken.", "headers": request_id()}, **GUARDED},
    }


def _metrics() -> Json:
    return {
        "operationId": "metrics",
        "tags": ["Gateway"],
        "summary": "Numbers for Prometheus",
        "security": PUBLIC,
        "responses": {
            "200": file_response("The exposition.", "text/plain", "application/openmetrics-text"),
            **GUARDED,
        },
    }


def _live_page() -> Json:
    return {
        "operationId": "livePage",
        "tags": ["Gateway"],
        "summary": "The live page",
        "security": PUBLIC,
        "responses": {"200": file_response("The page.", "text/html"), **OPEN},
    }


def _live_events() -> Json:
    return {
        "operationId": "liveEvents",
        "tags": ["Gateway"],
        "summary": "What the live page shows, as it happens",
        "description": (
            "A `snapshot` of the last 200 requests, then `request` for each that begins, changes "
            "or ends, and `state`. It goes on until the reader leaves or the gateway stops. "
            "Nothing of prompts or answers is in it, unless `CAPTURE` is set."
        ),
        "security": PUBLIC,
        "responses": {"200": file_response("The events.", "text/event-stream"), **GUARDED},
    }


def _live_asset() -> Json:
    told = _asset(pages.names("proxy.live"))
    files = file_response("The file.", "text/css", "text/javascript")
    return {
        **told,
        "operationId": "liveAsset",
        "summary": "A file of the live page",
        "responses": {**told["responses"], "200": files},
    }


def _page() -> Json:
    return {
        "operationId": "docsPage",
        "tags": ["Gateway"],
        "summary": "The API page",
        "security": PUBLIC,
        "responses": {"200": file_response("The page.", "text/html"), **OPEN},
    }


def _asset(assets: list[str]) -> Json:
    name = {
        "name": "asset",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": assets},
        "example": assets[0],
    }
    return {
        "operationId": "docsAsset",
        "tags": ["Gateway"],
        "summary": "A file of the API page",
        "security": PUBLIC,
        "parameters": [name],
        "responses": {
            "200": file_response("The file.", "text/css", "text/javascript", "image/svg+xml"),
            **OPEN,
            **errors.either("not_found_error"),
        },
    }


def _document() -> Json:
    schema = object_schema(
        "The document itself.", ["openapi"], openapi={"type": "string", "description": "3.1.0"}
    )
    return {
        "operationId": "openapiDocument",
        "tags": ["Gateway"],
        "summary": "This document",
        "security": PUBLIC,
        "responses": {
            "200": json_response("An OpenAPI 3.1 document.", schema),
            **OPEN,
        },
    }
