"""The one table of LINE's limits, and how LINE counts. Knows no Django.

Facts: https://developers.line.biz/en/reference/messaging-api/ and, for the counting,
https://developers.line.biz/en/docs/messaging-api/text-character-count/.
"""

from typing import Literal

import msgspec
import regex

Unit = Literal["UTF-16 units", "graphemes", "characters", "bytes", "items"]

_GRAPHEME = regex.compile(r"\X")


class Limit(msgspec.Struct, frozen=True):
    """So much LINE takes of something, counted in `unit`."""

    most: int
    unit: Unit

    def measure(self, text: str) -> int:
        """How long a text is in this limit's unit."""
        if self.unit == "UTF-16 units":
            return utf16_length(text)
        if self.unit == "graphemes":
            return len(text) if text.isascii() else len(_GRAPHEME.findall(text))
        return len(text.encode()) if self.unit == "bytes" else len(text)

    def allows(self, text: str) -> bool:
        return self.measure(text) <= self.most


MESSAGES = Limit(5, "items")  # of one push: #send-push-message
TEXT = Limit(5000, "UTF-16 units")  # #text-message
ALT_TEXT = Limit(1500, "UTF-16 units")  # #flex-message, #imagemap-message
URI = Limit(1000, "characters")  # #uri-action
FLEX_LABEL = Limit(40, "graphemes")  # #action-object-label-spec
MESSAGE_ACTION_TEXT = Limit(300, "graphemes")  # #message-action
POSTBACK_DATA = Limit(300, "UTF-16 units")  # #postback-action
CLIPBOARD_TEXT = Limit(1000, "UTF-16 units")  # #clipboard-action
IMAGE_URL = Limit(2000, "characters")  # #f-image, #image-message
ANIMATED_IMAGES = Limit(10, "items")  # of one message, #f-image
BUBBLES = Limit(12, "items")  # #f-carousel
BUBBLE_SIZE = Limit(30_000, "bytes")  # as JSON, #bubble: 30 KB
CAROUSEL_SIZE = Limit(50_000, "bytes")  # as JSON, #f-carousel: 50 KB

# Ours: what still reads well on a phone.
NAME = Limit(100, "characters")
NOTIFICATION = Limit(400, "UTF-16 units")  # product.md C13
CARD_TITLE = Limit(200, "UTF-16 units")
CARD_BODY = Limit(500, "UTF-16 units")
PRODUCT_NAME = Limit(600, "UTF-16 units")  # Shopify's have 255 characters at most
PERSON_NAME = Limit(300, "UTF-16 units")
CARD_PRODUCTS = Limit(12, "items")  # a bubble each


def utf16_length(text: str) -> int:
    """How many units LINE counts in the text of a message: most emoji are two."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: Limit) -> str:
    """As much of a text as the limit takes, whole graphemes, with an ellipsis where something was left out."""
    if limit.allows(text):
        return text
    kept, room = [], limit.most - limit.measure("…")
    for grapheme in _GRAPHEME.finditer(text):
        room -= 1 if limit.unit == "graphemes" else limit.measure(grapheme[0])
        if room < 0:
            break
        kept.append(grapheme[0])
    return "".join(kept) + "…"
