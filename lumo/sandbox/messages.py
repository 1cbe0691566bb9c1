"""The checks that LINE makes of a push before it looks at the recipient, with its way of naming a fault.

https://developers.line.biz/en/reference/messaging-api/#send-push-message and #message-objects. Written apart from
`lumo.messaging`, so that the two don't share a mistake.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

_USER_ID = re.compile(r"U[0-9a-f]{32}")
_MOST_MESSAGES = 5
_TEXT_UNITS = 5000  # UTF-16
_ALT_TEXT_UNITS = 1500
_REQUIRED: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "textV2": ("text",),
    "sticker": ("packageId", "stickerId"),
    "image": ("originalContentUrl", "previewImageUrl"),
    "video": ("originalContentUrl", "previewImageUrl"),
    "audio": ("originalContentUrl", "duration"),
    "location": ("title", "address", "latitude", "longitude"),
    "imagemap": ("baseUrl", "altText", "baseSize", "actions"),
    "template": ("altText", "template"),
    "flex": ("altText", "contents"),
}


class Fault(msgspec.Struct, frozen=True):
    """A property that LINE refuses, and why."""

    message: str
    property: str


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a 400."""

    message: str
    details: list[Fault] = []


def check_push(body: bytes) -> tuple[dict[str, Any], Refusal | None]:
    """The decoded body of a push, and what is wrong with it."""
    content, refusal = decode(body)
    if refusal:
        return content, refusal
    faults = list(_find_faults(content))
    if faults:
        return content, _has_faults(faults)
    if not _USER_ID.fullmatch(content["to"]):
        return content, Refusal("The property, 'to', in the request body is invalid (line: -, column: -)")
    return content, None


def check_messages(body: bytes) -> Refusal | None:
    """What is wrong with the messages of a body: all that the validation endpoint looks at."""
    content, refusal = decode(body)
    faults = [] if refusal else list(_find_message_faults(content.get("messages")))
    return refusal or (_has_faults(faults) if faults else None)


def decode(body: bytes) -> tuple[dict[str, Any], Refusal | None]:
    """A body as a JSON object, or the refusal of one that is none."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return {}, Refusal("The request body could not be parsed as JSON (line: -, column: -)")
    return content, None


def _has_faults(faults: list[Fault]) -> Refusal:
    return Refusal(f"The request body has {len(faults)} error(s)", faults)


def _find_faults(content: dict[str, Any]) -> Iterator[Fault]:
    if not isinstance(content.get("to"), str) or not content["to"]:
        yield Fault("May not be empty", "to")
    if not isinstance(content.get("notificationDisabled", False), bool):
        yield Fault("Must be a boolean", "notificationDisabled")
    units = content.get("customAggregationUnits", [])
    if not isinstance(units, list) or len(units) > 1 or not all(isinstance(unit, str) for unit in units):
        yield Fault("Size must be between 0 and 1", "customAggregationUnits")
    yield from _find_message_faults(content.get("messages"))


def _find_message_faults(messages: object) -> Iterator[Fault]:
    if not isinstance(messages, list) or not messages:
        yield Fault("May not be empty", "messages")
        return
    if len(messages) > _MOST_MESSAGES:
        yield Fault(f"Size must be between 1 and {_MOST_MESSAGES}", "messages")
    for number, message in enumerate(messages):
        yield from _find_faults_of_one(message, f"messages[{number}]")


def _find_faults_of_one(message: object, place: str) -> Iterator[Fault]:
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(kind, str) or kind not in _REQUIRED:
        yield Fault(f"Must be one of the following values: [{', '.join(_REQUIRED)}]", f"{place}.type")
        return
    for name in _REQUIRED[kind]:
        if message.get(name) in (None, "", [], {}):
            yield Fault("May not be empty", f"{place}.{name}")
    limit, name = (_TEXT_UNITS, "text") if kind in {"text", "textV2"} else (_ALT_TEXT_UNITS, "altText")
    text = message.get(name, "")
    if not isinstance(text, str):
        yield Fault("Must be a string", f"{place}.{name}")
    elif _utf16_units(text) > limit:
        yield Fault(f"Length must be between 0 and {limit}", f"{place}.{name}")


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
