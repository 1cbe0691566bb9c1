"""Flex containers: a bubble, or a carousel of them. https://developers.line.biz/en/reference/messaging-api/#container"""

from typing import Any

import msgspec

from lumo.sandbox.checks.actions import FLEX_ACTION
from lumo.sandbox.checks.flex_components import COLOUR, IMAGE, VIDEO, box
from lumo.sandbox.checks.rules import Findings, Rule, boolean, fields, items, one_of, tagged

_BUBBLES = 12
_BUBBLE_BYTES, _CAROUSEL_BYTES = 30_000, 50_000  # "KB": the smaller of its two meanings
_BLOCKS = ("header", "hero", "body", "footer")
_DEFAULT_SIZE = "mega"
_VIDEO_SIZES = {"kilo", "mega", "giga"}

_BLOCK = tagged({"box": box})
_STYLE = fields({}, {"backgroundColor": COLOUR, "separator": boolean, "separatorColor": COLOUR})
_BUBBLE_FIELDS: dict[str, Rule] = {
    "size": one_of("nano", "micro", "deca", "hecto", "kilo", "mega", "giga"),
    "direction": one_of("ltr", "rtl"),
    "header": _BLOCK,
    "body": _BLOCK,
    "footer": _BLOCK,
    "styles": fields({}, dict.fromkeys(_BLOCKS, _STYLE)),
    "action": FLEX_ACTION,
}


def _has_a_block(bubble: dict[str, Any], place: str, findings: Findings) -> None:
    if not any(block in bubble for block in _BLOCKS):
        findings.add(place, "At least one block must be specified")


def _has_room_for_video(bubble: dict[str, Any], place: str, findings: Findings) -> None:
    hero = bubble.get("hero")
    is_video = isinstance(hero, dict) and hero.get("type") == "video"
    if is_video and _size(bubble) not in _VIDEO_SIZES:
        findings.add(f"{place}.size", "Must be kilo, mega or giga for a video")


def _has_equal_bubbles(carousel: dict[str, Any], place: str, findings: Findings) -> None:
    bubbles = carousel.get("contents")
    if isinstance(bubbles, list):
        sizes = {_size(bubble) for bubble in bubbles if isinstance(bubble, dict)}
        if len(sizes) > 1:
            findings.add(f"{place}.contents", "Must have bubbles of one size")


def _size(bubble: dict[str, Any]) -> str:
    size = bubble.get("size", _DEFAULT_SIZE)
    return size if isinstance(size, str) else ""


def _within(most: int, rule: Rule) -> Rule:
    """What is at most so long as JSON; longer ones are not looked into."""

    def check(value: object, place: str, findings: Findings) -> None:
        if _json_bytes(value) > most:
            findings.add(place, f"Size as JSON must be at most {most} bytes")
        else:
            rule(value, place, findings)

    return check


def _json_bytes(value: object) -> int:
    try:
        return len(msgspec.json.encode(value))
    except RecursionError:  # it was decoded nearer to the limit
        return _CAROUSEL_BYTES + 1


_ALONE = fields(
    {},
    {**_BUBBLE_FIELDS, "hero": tagged({"box": box, "image": IMAGE, "video": VIDEO})},
    _has_a_block,
    _has_room_for_video,
)
_AMONG_OTHERS = fields({}, {**_BUBBLE_FIELDS, "hero": tagged({"box": box, "image": IMAGE})}, _has_a_block)
_CAROUSEL = fields(
    {"contents": items(_within(_BUBBLE_BYTES, tagged({"bubble": _AMONG_OTHERS})), 1, _BUBBLES)}, {}, _has_equal_bubbles
)
CONTAINER = tagged({"bubble": _within(_BUBBLE_BYTES, _ALONE), "carousel": _within(_CAROUSEL_BYTES, _CAROUSEL)})
