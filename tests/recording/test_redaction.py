"""No key and no home path is left, however it is spelled and wherever it is cut."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.recording.redaction import Redactor, joined_texts, names_in

KEY = 'k3y/with "odd" \\ parts+é'
PLAIN_KEY = "my-own-gateway-key"
ZAI_KEY = "0123456789abcdef0123456789abcdef.AbCdEfGh12345678"
SECRETS = (KEY, PLAIN_KEY)
HOMES = (
    "/home/alice/project",
    "/Users/alice",
    "/var/home/alice/x",
    "file:///home/alice/x",
    "/mnt/c/Users/alice/x",
    r"C:\Users\alice\project",
    r"c:\users\alice\project",
    "c:/users/alice/project",
    r"\\wsl$\Ubuntu\home\alice",
)


def in_json(text: str) -> str:
    return json.dumps({"text": text})


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": in_json,
    "JSON with escaped slashes": lambda text: in_json(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: in_json(in_json(text)),
    "JSON in JSON in JSON": lambda text: in_json(in_json(in_json(text))),
    "UTF-8 JSON": lambda text: json.dumps({"text": text}, ensure_ascii=False),
    "URL": lambda text: f"file:///{quote(text, safe='')}",
    "URL in a URL": lambda text: quote(f"file:///{quote(text, safe='')}", safe=""),
}


def decoded(value: Any) -> Any:
    """What is behind all layers of JSON."""
    while isinstance(value, dict | str | bytes):
        if isinstance(value, dict):
            value = value["text"]
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return value


@pytest.mark.parametrize("secret", [*SECRETS, ZAI_KEY, "sk-ant-api03-0123456789abcdefghij"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_key_is_found_in_any_spelling(spelling: str, secret: str) -> None:
    text = SPELLINGS[spelling](f"before {secret} behind").encode()
    redacted = Redactor(SECRETS).redact(text)
    assert re.search(rb"before(?: |%(?:25)*20)[*]+(?: |%(?:25)*20)behind", redacted)
    assert len(redacted) == len(text)
    if "JSON" in spelling:
        assert set(decoded(redacted).removeprefix("before ").removesuffix(" behind")) == {"*"}


@pytest.mark.parametrize("path", HOMES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_name_in_a_home_path_is_found_in_any_spelling(spelling: str, path: str) -> None:
    text = SPELLINGS[spelling](f"see {path}").encode()
    redacted = Redactor().redact(text)
    assert b"alice" in text
    assert redacted == text.replace(b"alice", b"*****")


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (r"C:\Users\John Smith\x and", r"C:\Users\**********\x and"),
        ("/Users/john.doe: no", "/Users/********: no"),
        ("/home/josé/x", "/home/*****/x"),
        ("see /home/alice and /home/bob", "see /home/***** and /home/***"),
        ("Users\nfoo, home/page, at-home-office", "Users\nfoo, home/page, at-home-office"),
        ("/home/$USER and /home/<you>", "/home/$USER and /home/<you>"),
    ],
)
def test_what_counts_as_a_name(told: str, left: str) -> None:
    assert Redactor().redact(told.encode()) == left.encode()


def test_a_name_that_was_seen_is_also_found_in_a_path_with_dashes() -> None:
    told = b"/home/john.doe/.claude/projects/-home-john-doe-work/memory, not home-page"
    redactor = Redactor(names=names_in(told))
    left = b"/home/********/.claude/projects/-home-********-work/memory, not home-page"
    assert redactor.redact(told) == left


@pytest.mark.parametrize("home", ["/root", "/srv/people/bob", r"D:\people\bob", "/home/alice"])
def test_the_gateways_own_home_is_found(home: str) -> None:
    redactor = Redactor(home=home)
    for spell in SPELLINGS.values():
        spelled = spell(f"{home}/x").encode()
        assert home.rpartition("/")[2].rpartition("\\")[2].encode() not in redactor.redact(spelled)
    assert redactor.redact(b"a\nb /rootless non-root") == b"a\nb /rootless non-root"


@pytest.mark.parametrize(
    ("told", "left"),
    [
        (b'"a\\nsk-0123456789abcdefg"', b'"a\\n********************"'),
        (b"task-management-for-everybody", b"task-management-for-everybody"),
        (b"sk-only-letters-in-this-key", b"***************************"),
        (b"x0123456789abcdef0123456789abcdef.AbCdEfGh12345678y", b"x" + b"*" * 49 + b"y"),
    ],
)
def test_what_counts_as_a_key(told: bytes, left: bytes) -> None:
    assert Redactor().redact(told) == left


def test_a_bearer_token_is_no_ones_business() -> None:
    told = b'curl -H "Authorization: Bearer abcdef0123456789.x-y_z" Bearer of news'
    left = b'curl -H "Authorization: Bearer **********************" Bearer of news'
    assert Redactor().redact(told) == left


@given(st.data())
def test_no_cut_hides_anything(data: st.DataObject) -> None:
    """Whatever the chunks, what is left is the same, and they are as long as they were."""
    parts = st.sampled_from([*SECRETS, ZAI_KEY, *HOMES, "some text ", "\n", "é", '"'])
    told = "".join(data.draw(st.lists(parts, max_size=6))).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(told)), max_size=12)) | {0, len(told)})
    chunks = [told[begin:end] for begin, end in pairwise(cuts)]
    redactor = Redactor(SECRETS)
    left = redactor.redact_stream(chunks)
    assert [len(chunk) for chunk in left] == [len(chunk) for chunk in chunks]
    assert b"".join(left) == redactor.redact(told)
    assert not any(key.encode() in b"".join(left) for key in (PLAIN_KEY, ZAI_KEY, "alice"))


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
    st.sampled_from([f"it is {PLAIN_KEY}!", f"it is {ZAI_KEY}.", *HOMES]),
    st.sampled_from(["text", "content", "partial_json", "arguments"]),
)
def test_nor_does_a_model_that_says_it_piece_by_piece(
    lengths: list[int], told: str, member: str
) -> None:
    """A key cut between two deltas is whole in nobody's bytes but in everybody's answer."""
    pieces: list[str] = []
    at = 0
    while at < len(told):
        size = lengths[len(pieces) % len(lengths)]
        pieces.append(told[at : at + size])
        at += size
    frames = [f'data: {{"delta":{{"{member}":{json.dumps(p)}}}}}\n\n'.encode() for p in pieces]
    redactor = Redactor(SECRETS, names=names_in(joined_texts(frames)))
    left = redactor.redact_stream(frames)
    said = "".join(json.loads(frame[6:])["delta"][member] for frame in left)
    assert len(said) == len(told)
    assert not any(secret in said for secret in (PLAIN_KEY, ZAI_KEY, "alice"))


@given(
    st.recursive(
        st.text("/\\hUomesr n\"'é%2F u0", max_size=30),
        (lambda inner: inner.map(in_json)),
        max_leaves=3,
    )
)
def test_json_stays_json(text: str) -> None:
    """A replay has to read it."""
    told = json.dumps({"text": text}).encode()
    json.loads(Redactor(SECRETS, home="/root").redact(told))


@pytest.mark.parametrize("before", [0, 1, 131_072 - 60, 131_072 - 1, 131_072, 400_000])
def test_a_long_text_is_looked_through_piece_by_piece(before: int) -> None:
    told = b"x" * before + f" {PLAIN_KEY} {ZAI_KEY} /home/alice/x ".encode() + b"y" * 200_000
    left = Redactor(SECRETS).redact(told)
    assert len(left) == len(told)
    assert left.count(b"*") == len(PLAIN_KEY) + len(ZAI_KEY) + len("alice")


@given(st.binary(max_size=200))
def test_what_has_nothing_to_hide_stays_as_it_is(told: bytes) -> None:
    assume(not any(word in told.lower() for word in (b"home", b"users", b"sk-", b"bearer")))
    assert Redactor(SECRETS).redact(told) == told
