"""Tool calls and their results, paired as the Messages protocol demands.

Each `tool_use` of an assistant turn is answered in the very next user turn, results before
anything else. Histories that were cut, compacted or edited break this; nothing is deleted: a result
nobody asked for becomes text, a call nobody answered gets a result that says so.
"""

from typing import Final

from proxy import literals
from proxy.dialects.changes import Changes
from proxy.dialects.messages.request import Json
from proxy.literals import Text
from proxy.loose_json import objects

UNANSWERED: Final = "No result was recorded for this tool call."


def pair(turns: list[Json], changes: Changes) -> list[Json]:
    """`turns` (roles alternate, contents are block lists) with calls and results paired."""
    paired: list[Json] = []
    asked: list[str] = []
    for turn in turns:
        content = turn["content"]
        if turn["role"] == "user":
            answers = _answers(content, asked, changes)
            paired.append(turn if answers is content else {**turn, "content": answers})
            asked = []
        else:
            paired.append(turn)
            asked = [block["id"] for block in content if block["type"] == "tool_use"]
    return paired


def text_of(content: object) -> str:
    """The text in a tool result's content (a string, blocks or nothing)."""
    if isinstance(content, Text):
        return literals.read(content)
    blocks = objects(content)
    texts = [block["text"] for block in blocks if isinstance(block.get("text"), Text)]
    return "\n".join(map(literals.read, texts))


def marked(text: str) -> str:
    """System text in a user turn: it stays where it stands, else the prefix would change."""
    return f"<system>\n{text}\n</system>"


def system_turn(content: object, changes: Changes) -> Json:
    """A system turn as marked text."""
    changes.add("messages.role", "system turn moved into a user turn")
    return {"type": "text", "text": marked(text_of(content))}


def _answers(content: list[Json], asked: list[str], changes: Changes) -> list[Json]:
    """A user turn's blocks: results of the calls just asked first, then all the rest."""
    answered = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
    first = content[: len(answered)]
    if answered == asked and all(block["type"] == "tool_result" for block in first):
        return content
    open_calls = list(asked)
    results, rest = [], []
    for block in content:
        if block["type"] != "tool_result":
            rest.append(block)
        elif block["tool_use_id"] in open_calls:
            open_calls.remove(block["tool_use_id"])
            results.append(block)
        else:
            rest += _as_text(block, changes)
    return results + (_missing(open_calls, changes) if open_calls else []) + rest


def _as_text(result: Json, changes: Changes) -> list[Json]:
    changes.add("tool_result", "without its call: turned into text")
    text = f"[Result of tool call {result['tool_use_id']}]\n{text_of(result.get('content'))}"
    content = result.get("content")
    nested = content if isinstance(content, list) else []
    images = [block for block in nested if block.get("type") != "text"]
    return [{"type": "text", "text": text}, *images]


def _missing(calls: list[str], changes: Changes) -> list[Json]:
    changes.add("tool_use", "without a result: one was added")
    return [
        {"type": "tool_result", "tool_use_id": call, "content": UNANSWERED, "is_error": True}
        for call in calls
    ]
