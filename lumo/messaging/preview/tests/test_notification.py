"""What a phone's notification says of a push."""

from collections.abc import Mapping
from typing import Any

import pytest

from lumo.messaging.preview import notification_text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "text", "text": " こんにちは \n"}, "こんにちは"),
        ({"type": "flex", "altText": "Your cart"}, "Your cart"),
        ({"type": "imagemap", "altText": "Fair"}, "Fair"),
        ({"type": "image"}, "Sent a photo"),
        ({"type": "video"}, "Sent a video"),
        ({"type": "sticker"}, "Sent a sticker"),
        ({"type": "location"}, "Sent a message"),
        ({"type": ["text"], "text": 5}, "Sent a message"),
    ],
)
def test_the_notification_tells_the_last_message(message: Mapping[str, Any], words: str) -> None:
    assert notification_text([{"type": "text", "text": "The first"}, message]) == words


def test_a_push_without_messages_notifies_of_nothing() -> None:
    assert notification_text([]) == ""
