"""What both z.ai endpoints demand of a request: ranges of numbers, patterns in schemas, efforts.

One bad part refuses a whole request (zai.md 0.7), so what is known to be refused is mended before
sending, and named. Nothing here changes its argument: what is changed is copied.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from proxy.dialects import thinking
from proxy.dialects.changes import Changes
from proxy.models import Model

Json = dict[str, Any]

_RANGES: Final[Mapping[str, tuple[float, float]]] = {"temperature": (0, 1), "top_p": (0.01, 1)}
"""zai.md 2.1; both endpoints."""

_UNICODE_CLASS: Final = re.compile(r"\\[pP]\{")
"""A pattern with a Unicode class refuses the whole request with 1210 (zai.md 1.1)."""

_EFFORT_RANKS: Final = {"low": 0, "medium": 1, "high": 2, "xhigh": 3, "max": 3}


def clamp(body: Json, model: Model, changes: Changes) -> None:
    """Bring the numbers of `body` (our own copy of the top level) into the model's ranges."""
    limit = body.get("max_tokens")
    if isinstance(limit, int) and not 1 <= limit <= model.max_output:
        body["max_tokens"] = min(max(limit, 1), model.max_output)
        changes.add("max_tokens", f"{limit} -> {body['max_tokens']}")
    for name in _RANGES:
        if name in body:
            _clamp(body, name, changes)


def _clamp(body: Json, name: str, changes: Changes) -> None:
    value, (least, most) = body[name], _RANGES[name]
    if isinstance(value, int | float) and not least <= value <= most:
        body[name] = min(max(value, least), most)
        changes.add(name, f"{value:g} -> {body[name]:g}")


def effort(asked: str, model: Model, changes: Changes) -> str | None:
    """The model's own effort for `asked`: the next higher one; None where there is none for it.

    Not to think at all is no effort, but to a model that always thinks it is the lowest.
    """
    if not model.efforts or (asked in thinking.OFF and not model.always_thinks):
        return None
    rank = -1 if asked in thinking.OFF else _EFFORT_RANKS.get(asked, _EFFORT_RANKS["medium"])
    enough = (name for name in model.efforts if _EFFORT_RANKS[name] >= rank)
    chosen = next(enough, model.efforts[-1])
    if chosen != asked:
        changes.add("reasoning_effort", f"{asked} -> {chosen}")
    return chosen


def json_instruction(form: object) -> str:
    """What the prompt says where an endpoint has no schema parameter; `form` names the schema."""
    text = "Answer with one JSON object and nothing else: no prose, no code fence."
    schema = form.get("schema") if isinstance(form, dict) else None
    if schema:
        text += (
            f" It must be valid against this JSON Schema: {msgspec.json.encode(schema).decode()}"
        )
    return text


def portable(tools: list[Json], changes: Changes) -> list[Json]:
    """`tools` without the patterns that z.ai refuses; the same list if there are none."""
    # In JSON the backslash is doubled; hardly any schema holds one, and to walk all takes ten times
    # as long as to write them.
    text = msgspec.json.encode(tools)
    if b"\\\\p{" not in text and b"\\\\P{" not in text:
        return tools
    return copied_if_changed(tools, lambda tool: _portable(tool, changes))


def _portable(schema: Any, changes: Changes) -> Any:
    if isinstance(schema, dict):
        return _portable_object(schema, changes)
    if isinstance(schema, list):
        return copied_if_changed(schema, lambda part: _portable(part, changes))
    return schema


def _portable_object(schema: Json, changes: Changes) -> Json:
    kept: Json = {}
    changed = False
    for key, value in schema.items():
        if key == "pattern" and isinstance(value, str) and _UNICODE_CLASS.search(value):
            changes.dropped("tools.pattern", "a Unicode class, which z.ai refuses")
            changed = True
            continue
        if key == "patternProperties" and isinstance(value, dict):
            new = {k: v for k, v in value.items() if not _UNICODE_CLASS.search(k)}
            if len(new) < len(value):
                changes.dropped("tools.patternProperties", "a Unicode class, which z.ai refuses")
        else:
            new = value
        kept[key] = _portable(new, changes)
        changed = changed or kept[key] is not value
    return kept if changed else schema


def copied_if_changed(values: list[Any], change: Callable[[Any], Any]) -> list[Any]:
    """The values changed; the same list if `change` gave each back as it was."""
    new = [change(value) for value in values]
    return new if any(a is not b for a, b in zip(new, values, strict=True)) else values
