"""What a friend's phone shows: the messages that reached them, as plain as part 1 of Lumo sends them."""

import json
from datetime import datetime
from typing import Any

import msgspec

from lumo.lib import clock
from lumo.sandbox.record import Channel, Friend, LineRecord, Push

_SHOWN = 50


class Bubble(msgspec.Struct, frozen=True):
    """One message. `kind` is LINE's type; `text` its text, or its JSON where it is no text; `at` in UTC."""

    kind: str
    text: str
    at: datetime


class Chat(msgspec.Struct, frozen=True):
    """A friend's conversation with one Official Account, oldest message first."""

    channel: Channel
    friend: Friend
    bubbles: list[Bubble]


def open_chat(record: LineRecord, channel_id: str, user_id: str) -> Chat | None:
    """The newest 50 messages of a friend; None when the sandbox knows no such account or friend."""
    channel, friend = record.find_channel(channel_id), record.find_friend(channel_id, user_id)
    if channel is None or friend is None:
        return None
    pushes = record.list_chat(channel_id, user_id, limit=_SHOWN)
    return Chat(channel, friend, [bubble for push in pushes for bubble in _bubbles(push)])


def _bubbles(push: Push) -> list[Bubble]:
    at = clock.from_unix_ms(push.arrived_ms)
    return [Bubble(message["type"], _text(message), at) for message in push.decoded()["messages"]]


def _text(message: dict[str, Any]) -> str:
    if message["type"] == "text":
        return str(message["text"])
    return json.dumps(message, ensure_ascii=False, indent=2)
