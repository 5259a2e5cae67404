"""Schemas of what the gateway says of itself: its models, its health, its name."""

from typing import Any, Final

from proxy.openapi.parts import object_schema, ref

Json = dict[str, Any]

_TOKENS: Final[Json] = {"type": "integer", "minimum": 1}
_LIMITS: Final[dict[str, Json]] = {
    "context_length": {**_TOKENS, "description": "The context window in tokens."},
    "context_window": {**_TOKENS, "description": "The same, under another tool's name for it."},
    "max_model_len": {**_TOKENS, "description": "The same, under another tool's name for it."},
    "max_input_tokens": {**_TOKENS, "description": "The same, under another tool's name for it."},
    "max_output_tokens": {**_TOKENS, "description": "The longest answer in tokens."},
    "vision": {"type": "boolean", "description": "Whether the model sees images."},
}


def _object(description: str, **properties: Json) -> Json:
    return object_schema(description, list(properties), **properties)


SCHEMAS: Final[dict[str, Json]] = {
    "ChatModel": _object(
        "A name to ask for, in the OpenAI shape.",
        id={"type": "string"},
        object={"type": "string", "const": "model"},
        created={"type": "integer", "description": "Unix time in seconds."},
        owned_by={"type": "string"},
        **_LIMITS,
    ),
    "MessagesModel": _object(
        "A name to ask for, in the Anthropic shape.",
        type={"type": "string", "const": "model"},
        id={"type": "string"},
        display_name={"type": "string"},
        created_at={"type": "string", "format": "date-time"},
        max_tokens={**_TOKENS, "description": "The longest answer in tokens."},
        **_LIMITS,
    ),
    "ChatModelList": _object(
        "All names, in the OpenAI shape.",
        object={"type": "string", "const": "list"},
        data={"type": "array", "items": ref("ChatModel")},
    ),
    "MessagesModelList": _object(
        "All names, in the Anthropic shape; one page holds them all.",
        data={"type": "array", "items": ref("MessagesModel")},
        first_id={"type": "string"},
        last_id={"type": "string"},
        has_more={"type": "boolean", "const": False},
    ),
    "Health": _object(
        "That the gateway runs.",
        status={"type": "string", "const": "ok"},
        version={"type": "string"},
        uptime_seconds={"type": "number", "minimum": 0},
        upstreams=_object(
            "The configured bases.", anthropic={"type": "string"}, openai={"type": "string"}
        ),
        clients=_object(
            "What `anthropic-proxy connect` tells tools.",
            models=_object(
                "Those that are used when none is asked for.",
                text={"type": "string"},
                vision={"type": "string"},
            ),
            windows={
                "type": ["object", "null"],
                "description": "The context window, in tokens, that clients of each dialect are "
                "to believe in; null where counts are not scaled.",
                "properties": {"chat": {"type": "integer"}, "messages": {"type": "integer"}},
            },
        ),
    ),
    "Gateway": _object(
        "Who answers here.",
        name={"type": "string", "const": "anthropic-proxy"},
        version={"type": "string"},
        docs={"type": "string"},
        health={"type": "string"},
    ),
}
