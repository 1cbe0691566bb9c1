"""What a friend's phone shows: the messages that reached them, as LINE draws them."""

from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.utils.safestring import SafeString

from lumo.lib import clock
from lumo.messaging.preview import notification_text, render_message
from lumo.sandbox.record import Channel, Friend, LineRecord

_SHOWN = 50


class ShownPush(msgspec.Struct, frozen=True):
    """A push that arrived: its messages as LINE's JSON; `at` in UTC."""

    messages: list[dict[str, Any]]
    at: datetime

    def bubbles(self) -> list[SafeString]:
        """Its messages as HTML. Takes a millisecond or so each: only for a page that shows them."""
        origin = settings.LUMO.http_origin()
        origins = (origin,) if origin else ()
        return [render_message(message, image_origins=origins) for message in self.messages]


class Chat(msgspec.Struct, frozen=True):
    """A friend's conversation with one Official Account, oldest push first."""

    channel: Channel
    friend: Friend
    pushes: list[ShownPush]

    def notification(self) -> str:
        """What the phone told of the newest push; empty when there is none."""
        return notification_text(self.pushes[-1].messages) if self.pushes else ""


def open_chat(record: LineRecord, channel_id: str, user_id: str) -> Chat | None:
    """The newest 50 pushes to a friend; None when the sandbox knows no such account or friend."""
    channel, friend = record.find_channel(channel_id), record.find_friend(channel_id, user_id)
    if channel is None or friend is None:
        return None
    pushes = record.list_chat(channel_id, user_id, limit=_SHOWN)
    shown = [ShownPush(push.decoded()["messages"], clock.from_unix_ms(push.arrived_ms)) for push in pushes]
    return Chat(channel, friend, shown)
