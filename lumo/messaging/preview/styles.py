"""What a message may say about looks, as CSS: only what an allow-list knows. All else is None, and left out.

Names and numbers: https://developers.line.biz/en/reference/messaging-api/#flex-message, measured in LINE for a phone
of ordinary width.
"""

import re
from collections.abc import Iterable, Mapping
from unicodedata import east_asian_width
from urllib.parse import urlsplit

from lumo.messaging.preview.node import Node

Style = Mapping[str, str | None]

SPACES = {"none": "0px", "xs": "2px", "sm": "4px", "md": "8px", "lg": "12px", "xl": "16px", "xxl": "20px"}
BORDERS = {"none": "0px", "light": "0.5px", "normal": "1px", "medium": "2px", "semi-bold": "3px", "bold": "4px"}
TEXTS = {
    "xxs": "11px",
    "xs": "13px",
    "sm": "14px",
    "md": "16px",
    "lg": "19px",
    "xl": "22px",
    "xxl": "29px",
    "3xl": "35px",
    "4xl": "48px",
    "5xl": "74px",
}
IMAGES = {
    "xxs": "40px",
    "xs": "60px",
    "sm": "80px",
    "md": "100px",
    "lg": "120px",
    "xl": "140px",
    "xxl": "160px",
    "3xl": "180px",
    "4xl": "200px",
    "5xl": "220px",
    "full": "100%",
}
_LONGEST_URL = 2000
_LINE_HEIGHT = "1.4em"
_NARROW_LETTER = 0.54  # em, of Latin on average

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")
_LENGTH = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,5})?(?:px|%)")
_OFFSET = re.compile(rf"-?{_LENGTH.pattern}")
_RATIO = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,5})?):([0-9]{1,5}(?:\.[0-9]{1,5})?)")
_ANGLE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,5})?deg")
_PERCENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,5})?%")
_URL = re.compile(r"https?://[^\s\\\"'<>`\x00-\x1f\x7f]+")


def color(value: str) -> str | None:
    """`#RRGGBB` or `#RRGGBBAA`."""
    return value if _COLOR.fullmatch(value) else None


def length(value: str, keywords: Mapping[str, str] = SPACES) -> str | None:
    """Pixels, a percentage or a keyword."""
    return _measure(value, keywords, _LENGTH)


def offset(value: str) -> str | None:
    """As `length`, and the other way with a minus."""
    return _measure(value, SPACES, _OFFSET)


def size(value: str) -> str | None:
    """Pixels or a percentage, as boxes have it."""
    return _measure(value, {}, _LENGTH)


def text_size(value: str, default: str = "md") -> str:
    """The size of letters, in pixels."""
    measured = length(value, TEXTS)
    return measured if measured and measured.endswith("px") else TEXTS[default]


def ratio(value: str) -> str:
    """`width:height`; a square when it is none."""
    found = _RATIO.fullmatch(value)
    if found is None or not float(found[1]) or not float(found[2]):
        return "1 / 1"
    return f"{found[1]} / {found[2]}"


def percent(share: float) -> str:
    """A share of the whole, from 0 to 1, for places on a picture."""
    return f"{min(max(share, 0.0), 1.0):.4%}"


def background(box: Node) -> str | None:
    """A box's gradient, else its colour."""
    gradient = box.node("background")
    start, end = color(gradient.text("startColor")), color(gradient.text("endColor"))
    if gradient.text("type") != "linearGradient" or start is None or end is None:
        return color(box.text("backgroundColor"))
    angle = gradient.text("angle") if _ANGLE.fullmatch(gradient.text("angle")) else "0deg"
    center, position = color(gradient.text("centerColor")), gradient.text("centerPosition")
    stops = [start, f"{center} {position if _PERCENT.fullmatch(position) else '50%'}", end] if center else [start, end]
    return f"linear-gradient({angle},{','.join(stops)})"


def border(box: Node) -> str | None:
    """A box's border, which can't be seen unless it has a colour."""
    width = length(box.text("borderWidth"), BORDERS)
    return f"{width} solid {color(box.text('borderColor')) or '#00000000'}" if width else None


def padding(box: Node, default: str | None) -> Style:
    """The space within a box; `default` is that of the block that the box is."""
    return {
        "padding": length(box.text("paddingAll")) or default,
        "padding-top": length(box.text("paddingTop")),
        "padding-bottom": length(box.text("paddingBottom")),
        "padding-inline-start": length(box.text("paddingStart")),
        "padding-inline-end": length(box.text("paddingEnd")),
    }


def lettering(text: Node) -> Style:
    """How the letters of a text or a span look."""
    return {
        "font-size": text_size(text.text("size")) if text.has("size") else None,
        "color": color(text.text("color")),
        "font-weight": {"bold": "700", "regular": "400"}.get(text.text("weight")),
        "font-style": {"italic": "italic", "normal": "normal"}.get(text.text("style")),
        "text-decoration": {"underline": "underline", "line-through": "line-through", "none": "none"}.get(
            text.text("decoration")
        ),
    }


def line_spacing(text: Node) -> Style:
    """The space between lines, which is not before the first nor after the last."""
    space = size(text.text("lineSpacing"))
    if space is None or not space.endswith("px"):
        return {}
    return {"line-height": f"calc({_LINE_HEIGHT} + {space})", "margin-block": f"calc({space} / -2)"}


def shrunk(words: str, size: str) -> Style:
    """Letters as large as `size` or as the words need to fit in a line of the element that is around them."""
    ems = sum(1.0 if east_asian_width(letter) in "WF" else _NARROW_LETTER for letter in words)
    return {"font-size": f"min({size},calc(100cqi / {max(ems, 1.0):.2f}))"}


def image_url(value: str, origins: Iterable[str]) -> str | None:
    """An https address, or one that begins with an origin, such as `http://127.0.0.1:8000`, that is listed."""
    if len(value) > _LONGEST_URL or not _URL.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:  # a bracket that is no address
        return None
    is_allowed = (parts.scheme == "https" and parts.hostname) or f"{parts.scheme}://{parts.netloc}" in origins
    return value if is_allowed else None


def _measure(value: str, keywords: Mapping[str, str], pattern: re.Pattern[str]) -> str | None:
    if value == "0":
        return "0px"
    return keywords.get(value) or (value if pattern.fullmatch(value) else None)
