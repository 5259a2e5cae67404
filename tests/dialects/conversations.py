"""Hypothesis strategies for well-formed conversations, and the plain meaning of either dialect.

A conversation is drawn once as a list of exchanges, then written in the dialect a test wants; its
meaning (who said which texts, calls, results and images, in order) can be read back from both.
"""

import copy
import json
from dataclasses import dataclass
from typing import Any

from dialogue import Json, Pair
from hypothesis import strategies as st

TEXT = st.text('ab ü😀"\\\n<', min_size=1, max_size=6)
ARGUMENTS = st.dictionaries(TEXT, TEXT | st.integers(-9, 9) | st.none(), max_size=2)
IMAGE = st.sampled_from(["data:image/png;base64,QUFB", "https://x.test/a.png"])


@dataclass(frozen=True, slots=True)
class Turn:
    """What the assistant did, the results of its calls, and what the user said then."""

    thought: str
    answer: str
    calls: tuple[str, ...]
    results: tuple[str, ...]
    question: str
    image: str


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    calls = draw(st.lists(ARGUMENTS.map(json.dumps), max_size=2))
    answer = draw(TEXT if not calls else TEXT | st.just(""))
    results = draw(st.lists(TEXT, min_size=len(calls), max_size=len(calls)))
    thought, image = draw(TEXT | st.just("")), draw(IMAGE | st.just(""))
    return Turn(thought, answer, tuple(calls), tuple(results), draw(TEXT), image)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A system prompt, a first question, and what followed."""

    system: str
    question: str
    turns: tuple[Turn, ...]

    def until(self, count: int) -> "Conversation":
        """The same conversation when it was `count` turns old."""
        return Conversation(self.system, self.question, self.turns[:count])

    def chat(self) -> Json:
        messages: list[Json] = [{"role": "system", "content": self.system}] if self.system else []
        messages.append({"role": "user", "content": self.question})
        for number, turn in enumerate(self.turns):
            messages += _chat_turn(number, turn)
        return {"messages": messages, "max_tokens": 99}

    def messages(self) -> Json:
        told: list[Json] = [{"role": "user", "content": self.question}]
        for number, turn in enumerate(self.turns):
            told += _messages_turn(number, turn)
        system = {"system": self.system} if self.system else {}
        return {**system, "messages": told, "max_tokens": 99}


def written(conversation: Conversation, pair: Pair) -> Json:
    """The request of a client of the pair's."""
    return conversation.chat() if pair[0] == "chat" else conversation.messages()


CONVERSATIONS = st.builds(
    Conversation, TEXT | st.just(""), TEXT, st.lists(turns(), max_size=3).map(tuple)
)


def _chat_turn(number: int, turn: Turn) -> list[Json]:
    said: Json = {"role": "assistant", "content": turn.answer}
    if turn.thought:
        said["reasoning_content"] = turn.thought
    if turn.calls:
        said["tool_calls"] = [
            {
                "id": f"c{number}_{i}",
                "type": "function",
                "function": {"name": "f", "arguments": each},
            }
            for i, each in enumerate(turn.calls)
        ]
    results = [
        {"role": "tool", "tool_call_id": f"c{number}_{i}", "content": each}
        for i, each in enumerate(turn.results)
    ]
    parts: list[Json] = [{"type": "text", "text": turn.question}]
    if turn.image:
        parts.append({"type": "image_url", "image_url": {"url": turn.image}})
    return [said, *results, {"role": "user", "content": parts if turn.image else turn.question}]


def _messages_turn(number: int, turn: Turn) -> list[Json]:
    blocks: list[Json] = []
    if turn.thought:
        blocks.append({"type": "thinking", "thinking": turn.thought, "signature": "s"})
    if turn.answer:
        blocks.append({"type": "text", "text": turn.answer})
    for i, each in enumerate(turn.calls):
        use = {"id": f"c{number}_{i}", "name": "f", "input": json.loads(each)}
        blocks.append({"type": "tool_use", **use})
    rest: list[Json] = [
        {"type": "tool_result", "tool_use_id": f"c{number}_{i}", "content": each}
        for i, each in enumerate(turn.results)
    ]
    rest.append({"type": "text", "text": turn.question})
    if turn.image:
        rest.append({"type": "image", "source": _source(turn.image)})
    return [{"role": "assistant", "content": blocks}, {"role": "user", "content": rest}]


def _source(url: str) -> Json:
    if url.startswith("http"):
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": "image/png", "data": url.rpartition(",")[2]}


NAMES = ["type", "text", "role", "content", "id", "name", "input", "source", "url", "function"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**60) | st.floats(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)


def mutated(body: Json, data: st.DataObject) -> Json:
    """The body with one value somewhere in it replaced by anything."""
    body = copy.deepcopy(body)
    node: Any = body
    while True:
        key = data.draw(
            st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))
        )
        child = node[key]
        if isinstance(child, dict | list) and child and data.draw(st.integers(0, 3)):
            node = child
            continue
        node[key] = data.draw(JSON)
        return body


Meaning = list[tuple[str, Any]]


def meaning_of_chat(body: Json) -> Meaning:
    """Who said what, in order, from a Chat request."""
    meaning: Meaning = []
    for message in body["messages"]:
        role, content = message["role"], message.get("content") or ""
        if message.get("reasoning_content"):
            meaning.append(("thought", message["reasoning_content"]))
        if role == "tool":
            meaning.append(("result", (message["tool_call_id"], content)))
        else:
            parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
            meaning += [_part(role, part) for part in parts if part != {"type": "text", "text": ""}]
        for call in message.get("tool_calls", []):
            arguments = json.loads(call["function"]["arguments"])
            meaning.append(("call", (call["id"], call["function"]["name"], arguments)))
    return meaning


def _part(role: str, part: Json) -> tuple[str, Any]:
    if part["type"] == "text":
        return role, part["text"]
    return "image", part["image_url"]["url"]


def meaning_of_messages(body: Json) -> Meaning:
    """Who said what, in order, from a Messages request."""
    system = body.get("system") or []
    texts = [system] if isinstance(system, str) else [block["text"] for block in system]
    meaning: Meaning = [("system", text) for text in texts]
    for turn in body["messages"]:
        content = turn["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        meaning += [_block(turn["role"], block) for block in blocks]
    return meaning


def _block(role: str, block: Json) -> tuple[str, Any]:
    match block:
        case {"type": "text", "text": text}:
            return role, text
        case {"type": "thinking", "thinking": text}:
            return "thought", text
        case {"type": "tool_use", "id": call, "name": name, "input": arguments}:
            return "call", (call, name, arguments)
        case {"type": "tool_result", "tool_use_id": call, "content": content}:
            return "result", (call, content)
        case {"type": "image", "source": {"type": "url", "url": url}}:
            return "image", url
        case {"type": "image", "source": {"media_type": kind, "data": data}}:
            return "image", f"data:{kind};base64,{data}"
    raise AssertionError(block)
