"""Frames that differ in one string, of every kind, and what may or may not stand in that string.

`MARK` stands where a body goes: `frame(kind, body)`.
"""

from typing import Any

from dialogue import (
    CHAT_DONE,
    END,
    begin,
    call,
    chat,
    delta,
    finish,
    start,
    stop,
    text,
)

from proxy import sse

MARK = b'"MARK"'

GOOD = [
    b"\\\\",
    b'\\"',
    b'\\\\\\"',
    b"\\u00e9",
    b"\\ud83d",
    b"\\uDE00",
    b"\\ud83d\\ude00",
    b"\\ud83dx",
    b"\x7f",
    "é😀".encode(),
    b"",
    b"data: [",
    b"message_stop",
    b"an error",
    b'\\"error\\":1',
    b'\\"usage\\":',
    b"glm-4.6",
    b"asked-model",
    b"null",
    b":",
    b",",
    b"text",
    b"content",
    b"a",
    b'{\\"a\\":1}',
    b'{\\"a\\":\\"1\\"}',
    b'\\"{}\\"',
    b"{}",
    b"[",
]
"""What one decoder or another takes between quotes."""

BAD = [
    b"\\",
    b'\\\\"',
    b'"',
    b'","x":"',
    b"\\x",
    b"\\u12",
    b"\\u12G4",
    b"\xff",
    b"\xc3",
    b"\t",
    b"\x00",
    b"a\nb",
    b"a\r\nb",
    b"a\n\nb",
]


def frame(kind: bytes, body: bytes) -> bytes:
    return kind.replace(MARK, b'"' + body + b'"')


_CHAT_DELTAS: list[Any] = [
    {"content": "MARK"},
    {"role": "assistant", "content": "MARK"},
    {"reasoning_content": "MARK"},
    {"reasoning_content": "", "reasoning": "MARK"},
    {"reasoning_content": "MARK", "reasoning": "r"},
    {"reasoning_content": "MARK", "content": "a"},
    {"content": "MARK", "refusal": ""},
    {"refusal": "MARK"},
    {"content": None, "other": "MARK"},
    call(0, "MARK", "f", id="i"),
    call(0, "MARK"),
    call(0, "MARK", id="i"),
    call(None, "MARK"),
    call(1, "MARK", "g", id="j"),
    call(1, "MARK"),
    call(0, {"a": "MARK"}),
    call(0, {"a": 1}, other="MARK"),
    call(0, "MARK", "f", id="i", type="function"),
    {"content": "MARK", **call(0, "", "f", id="i", type="function")},
    {"content": "MARK", **call(0, "{}", "f", id="i", type="function")},
]
_HEAD = b'"id":"c1","created":7,"object":"chat.completion.chunk","model":"glm-4.6"'
_CHAT_KINDS = [
    *(chat(told) for told in _CHAT_DELTAS),
    chat({"content": "MARK"}, "stop"),
    chat({"content": "MARK"}, usage={"prompt_tokens": 3, "completion_tokens": 2}),
    chat({"content": "MARK"}, system_fingerprint="a"),
    chat({"content": "MARK"}, other="MARK"),
    chat({"content": "MARK"}, logprobs={"content": [{"token": "MARK"}]}),
    chat({"content": "MARK"}, error={"message": "MARK"}),
    chat({"content": "x"}, other="MARK"),
    chat({"content": "a\ud83d"}, other="MARK"),
    sse.frame(
        '{"half":"\\ud83d","other":"MARK","choices":[{"index":0,"delta":{"content":"é"}}]}'.encode()
    ),
    chat({}, "tool_calls"),
    b'data: {%s,"choices":[{"index":1,"delta":{"content":"MARK"}}]}\n\n' % _HEAD,
    b'data: {%s,"choices":[{"delta":{"content":"MARK"}},{"delta":{"content":"a"}}]}\n\n' % _HEAD,
    b'data: {"choices":[{"delta":{"content":"MARK"}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "MARK"}, "finish_reason": null}], %s}\n\n' % _HEAD,
    b'data: {%s,"choices":[{"delta":{"content":"a","content":"MARK"}}]}\n\n' % _HEAD,
    b'data: {%s,"choices":[{"delta":{"content":"MARK","content":"a"}}]}\n\n' % _HEAD,
    b'data: {%s,"choices":[{"delta":{"content":["a","MARK"]}}]}\n\n' % _HEAD,
    b'id: 1\ndata: {%s,\ndata: "choices":[{"delta":{"content":"MARK"}}]}\n\n' % _HEAD,
    b'data:{%s,"choices":[{"delta":{"content":"MARK"},"finish_reason" : "stop"}]}\n\n' % _HEAD,
    b'data: {"model":"MARK","choices":[{"delta":{"content":"a"}}]}\n\n',
    b'data: {"error":{"code":"1305","message":"MARK"}}\n\n',
    CHAT_DONE,
]
_MESSAGES_KINDS = [
    begin(),
    start(0, {"type": "text", "text": "MARK"}),
    start(0, {"type": "thinking", "thinking": ""}),
    start(1, {"type": "tool_use", "id": "i", "name": "f", "input": {}}),
    start(2, {"type": "tool_use", "id": "j", "name": "unknown", "input": {"a": "MARK"}}),
    start(3, {"type": "server_tool_use", "id": "k", "name": "s", "input": {}}),
    text(0, "MARK"),
    text(1, "MARK"),
    delta(0, "thinking_delta", "thinking", "MARK"),
    delta(0, "signature_delta", "signature", "MARK"),
    delta(1, "input_json_delta", "partial_json", "MARK"),
    delta(2, "input_json_delta", "partial_json", "MARK"),
    delta(0, "new_delta", "text", "MARK"),
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":null}}\n\n',
    sse.frame(
        b'{"delta":{"text":"MARK","type":"text_delta"},"index":0,"type":"content_block_delta"}'
    ),
    sse.frame(
        b'{"type":"content_block_delta","index":0,"other":"MARK",'
        b'"delta":{"type":"text_delta","text":"a","text":"MARK"}}'
    ),
    sse.frame(
        b'{"content":"MARK","type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"a"}}'
    ),
    b'event: a\ndata: {"type":"content_block_delta","index":0,"detail":"MARK"}\n\n',
    b'data: {"text":"MARK"}\n\n',
    b'data: {"text":"MARK"\n\n',
    stop(0),
    stop(1),
    b'event: ping\ndata: {"type": "ping"}\n\n',
    finish("tool_use", input_tokens=3, output_tokens=5),
    END,
    b'event: error\ndata: {"type":"error","error":{"message":"MARK","code":"1302"}}\n\n',
]
_COMMON = [b": a comment\n\n", b"data: MARK\n\n", b'data: "MARK"\n\n']
KINDS = {"openai": _CHAT_KINDS + _COMMON, "anthropic": _MESSAGES_KINDS + _COMMON}
_BEGUN = [begin(), text(0, "x")]
_CALL = start(1, {"type": "tool_use", "id": "i", "name": "f", "input": {}})
_OPEN = chat(call(0, '{"a":', "f", id="i"))
CONTEXTS = {
    "openai": [
        [],
        [chat({"content": "x"})],
        [chat(call(0, "", "f", id="i"))],
        [_OPEN],
        [_OPEN, chat(call(1, "", "g", id="j"))],
        [chat({"content": "x"}), chat({}, "stop")],
    ],
    "anthropic": [
        [],
        _BEGUN,
        [*_BEGUN, _CALL],
        [*_BEGUN, _CALL, delta(1, "input_json_delta", "partial_json", "{")],
    ],
}
"""What may come before."""

_LATER = [chat(call(0, "]}")), chat(call(1, "{}", "g", id="j")), chat(call(0, " "))]
ENDS = {
    "openai": [*_LATER, chat({"content": "z"}), chat({}, "stop"), CHAT_DONE],
    "anthropic": [stop(0), text(0, "z"), finish("end_turn", output_tokens=3), END],
}
"""What comes behind, and shows what was noticed of all before."""
