"""What holds for every conversation: nothing said is lost, the same input gives the same bytes, and
a longer history begins with the bytes of the shorter one (row 24: prompt caches keep working)."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from conversations import CONVERSATIONS, Conversation, meaning_of_chat, meaning_of_messages, written
from dialogue import PAIRS, UNHURRIED, Json, Pair, told
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.changes import Changes
from proxy.dialects.chat.from_messages.parameters import from_messages_request
from proxy.dialects.chat.request import read as read_chat
from proxy.dialects.chat.to_messages.parameters import to_messages_request
from proxy.dialects.messages.request import read as read_messages


def to_messages(body: Json) -> Json:
    return to_messages_request(read_chat(body), body, Changes())


def to_chat(body: Json) -> Json:
    return from_messages_request(read_messages(body), body, Changes())


def sent(conversation: Conversation, pair: Pair) -> Json:
    return told(pair, written(conversation, pair))[0]


@UNHURRIED
@given(CONVERSATIONS)
def test_a10_chat_to_messages_keeps_all_that_was_said(conversation: Conversation) -> None:
    body = conversation.chat()
    assert meaning_of_messages(to_messages(body)) == meaning_of_chat(body)


@UNHURRIED
@given(CONVERSATIONS)
def test_a10_messages_to_chat_keeps_all_that_was_said(conversation: Conversation) -> None:
    body = conversation.messages()
    assert meaning_of_chat(to_chat(body)) == meaning_of_messages(body)


@UNHURRIED
@given(CONVERSATIONS)
def test_there_and_back_again_says_the_same(conversation: Conversation) -> None:
    chat, messages = conversation.chat(), conversation.messages()
    assert meaning_of_chat(to_chat(to_messages(chat))) == meaning_of_chat(chat)
    assert meaning_of_messages(to_messages(to_chat(messages))) == meaning_of_messages(messages)


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(conversation=CONVERSATIONS)
def test_a24_the_same_input_gives_the_same_bytes_and_stays_as_it_was(
    pair: Pair, conversation: Conversation
) -> None:
    body = written(conversation, pair)
    before = copy.deepcopy(body)
    first, second = told(pair, body), told(pair, copy.deepcopy(body))
    assert body == before
    assert msgspec.json.encode(first[0]) == msgspec.json.encode(second[0])
    assert first[1] == second[1]


@pytest.mark.parametrize("pair", PAIRS)
@UNHURRIED
@given(conversation=CONVERSATIONS, data=st.data())
def test_a24_a_longer_history_begins_with_the_bytes_of_the_shorter(
    pair: Pair, conversation: Conversation, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(conversation.turns)))
    shorter = sent(conversation.until(count), pair)
    longer = sent(conversation, pair)
    assert list(longer) == list(shorter)
    assert longer.get("system") == shorter.get("system")
    begins = msgspec.json.encode(longer["messages"][: len(shorter["messages"])])
    assert begins == msgspec.json.encode(shorter["messages"])


@UNHURRIED
@given(CONVERSATIONS, st.integers(0, 3))
def test_a24_system_text_in_the_middle_does_not_move_the_beginning(
    conversation: Conversation, place: int
) -> None:
    """A reminder that comes and goes at the end leaves what was before it in place."""
    plain = conversation.chat()
    reminded = conversation.chat()
    reminded["messages"].append({"role": "system", "content": "Remember."})
    first, second = to_messages(plain), to_messages(reminded)
    assert second.get("system") == first.get("system")
    assert second["messages"][:-1] == first["messages"][:-1]


_PROGRAM = """
import sys, msgspec
from dialogue import told
body = msgspec.json.decode(sys.argv[3])
sent, changes = told((sys.argv[1], sys.argv[2]), body)
print(msgspec.json.encode(sent).decode(), changes)
"""


@pytest.mark.parametrize("pair", PAIRS)
def test_a24_another_process_gives_the_same_bytes(pair: Pair) -> None:
    """Hash seeds differ between processes: nothing may hang on the order of a set."""
    here = Path(__file__).parent
    paths = f"{here}{os.pathsep}{here.parent.parent}"
    body = {
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 9,
        **{f"unknown_{number}": number for number in range(9)},
    }
    arguments = [*pair, msgspec.json.encode(body).decode()]
    sent = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": paths,
            },
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(sent) == 1
