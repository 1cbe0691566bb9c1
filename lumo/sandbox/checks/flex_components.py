"""What a block of a bubble is made of. https://developers.line.biz/en/reference/messaging-api/#component"""

import re
from typing import Any

from lumo.sandbox.checks.actions import FLEX_ACTION, FLEX_BUTTON_ACTION, VIDEO_ACTION
from lumo.sandbox.checks.rules import (
    Findings,
    Rule,
    anything,
    boolean,
    fields,
    integer,
    items,
    matching,
    one_of,
    tagged,
    text,
)
from lumo.sandbox.checks.urls import media_url

_DEEPEST = 50  # boxes within boxes; LINE names no limit
_RATIO = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?):([0-9]{1,6}(?:\.[0-9]{1,6})?)")
_HIGHEST_RATIO, _LARGEST_SIDE = 3, 100_000


def aspect_ratio(value: object, place: str, findings: Findings) -> None:
    """`width:height`, each from 1 to 100,000; at most three times as high as wide."""
    found = _RATIO.fullmatch(value) if isinstance(value, str) else None
    width, height = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE and height <= _HIGHEST_RATIO * width):
        findings.add(place, "Must be a ratio as 20:13, not higher than three times the width")


def _measure(keywords: str, units: str, *, sign: str = "") -> Rule:
    """One of the keywords, or a number with one of the units; each of them joined by |."""
    known = ", ".join(keywords.split("|") + [f"a number of {unit}" for unit in units.split("|")]).removeprefix(", ")
    return matching(rf"{keywords or '(?!)'}|{sign}[0-9]+(?:\.[0-9]+)?(?:{units})", f"Must be one of: {known}")


_STEPS = "none|xs|sm|md|lg|xl|xxl"
_TEXT_SIZES = "xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl"
_SPACE = _measure(_STEPS, "px")
_PADDING = _measure(_STEPS, "px|%")
_EXTENT = _measure("", "px|%")
_OFFSET = _measure(_STEPS, "px|%", sign="-?")
COLOUR = matching("#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})", "Must be a colour as #RRGGBB or #RRGGBBAA")

_PLACED: dict[str, Rule] = {
    "margin": _SPACE,
    "position": one_of("relative", "absolute"),
    "offsetTop": _OFFSET,
    "offsetBottom": _OFFSET,
    "offsetStart": _OFFSET,
    "offsetEnd": _OFFSET,
}
_FLEX: dict[str, Rule] = {"flex": integer(0)}
_ALIGNED: dict[str, Rule] = {"align": one_of("start", "end", "center"), "gravity": one_of("top", "bottom", "center")}
_WRITTEN: dict[str, Rule] = {
    "size": _measure(_TEXT_SIZES, "px"),
    "color": COLOUR,
    "weight": one_of("regular", "bold"),
    "style": one_of("normal", "italic"),
    "decoration": one_of("none", "underline", "line-through"),
}
_FITTED: dict[str, Rule] = {"adjustMode": one_of("shrink-to-fit"), "scaling": boolean}
_ACTION: dict[str, Rule] = {"action": FLEX_ACTION}


def _has_text(component: dict[str, Any], place: str, findings: Findings) -> None:
    if "text" not in component and not component.get("contents"):
        findings.add(f"{place}.text", "May not be empty")


_SPAN = fields({"text": text(1)}, _WRITTEN)
_TEXT = fields(
    {},
    {
        **_PLACED,
        **_FLEX,
        **_ALIGNED,
        **_WRITTEN,
        **_FITTED,
        **_ACTION,
        "text": text(1),
        "contents": items(tagged({"span": _SPAN}), 0),
        "wrap": boolean,
        "lineSpacing": _measure("", "px"),
        "maxLines": integer(0),
    },
    _has_text,
)
_BUTTON = fields(
    {"action": FLEX_BUTTON_ACTION},
    {
        **_PLACED,
        **_FLEX,
        **_FITTED,
        "gravity": _ALIGNED["gravity"],
        "height": one_of("sm", "md"),
        "style": one_of("primary", "secondary", "link"),
        "color": COLOUR,
    },
)
IMAGE = fields(
    {"url": media_url},
    {
        **_PLACED,
        **_FLEX,
        **_ALIGNED,
        **_ACTION,
        "size": _measure(f"{_TEXT_SIZES}|full", "px|%"),
        "aspectRatio": aspect_ratio,
        "aspectMode": one_of("cover", "fit"),
        "backgroundColor": COLOUR,
        "animated": boolean,
    },
)
_ICON = fields(
    {"url": media_url},
    {**_PLACED, "size": _WRITTEN["size"], "aspectRatio": aspect_ratio, "scaling": boolean},
)
_SEPARATOR = fields({}, {"margin": _SPACE, "color": COLOUR})
_FILLER = fields({}, _FLEX)

_GRADIENT = fields(
    {
        "angle": matching(
            r"(?:[0-9]{1,2}|[12][0-9]{2}|3[0-5][0-9])(?:\.[0-9]+)?deg", "Must be from 0deg to below 360deg"
        ),
        "startColor": COLOUR,
        "endColor": COLOUR,
    },
    {
        "centerColor": COLOUR,
        "centerPosition": matching(r"(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?)%", "Must be from 0% to 100%"),
    },
)
_BOX_FIELDS: dict[str, Rule] = {
    **_PLACED,
    **_FLEX,
    **_ACTION,
    "spacing": _SPACE,
    "backgroundColor": COLOUR,
    "borderColor": COLOUR,
    "borderWidth": _measure("none|light|normal|medium|semi-bold|bold", "px"),
    "cornerRadius": _SPACE,
    **dict.fromkeys(("width", "maxWidth", "height", "maxHeight"), _EXTENT),
    **dict.fromkeys(("paddingAll", "paddingTop", "paddingBottom", "paddingStart", "paddingEnd"), _PADDING),
    "justifyContent": one_of("center", "flex-start", "flex-end", "space-between", "space-around", "space-evenly"),
    "alignItems": one_of("center", "flex-start", "flex-end"),
    "background": tagged({"linearGradient": _GRADIENT}),
}


def _has_children(component: dict[str, Any], place: str, findings: Findings) -> None:
    """An empty box is one; which components it takes depends on its layout."""
    if "contents" in component:
        children = _ON_A_BASELINE if component.get("layout") == "baseline" else _IN_A_BOX
        children(component["contents"], f"{place}.contents", findings)


_ANY_BOX = fields(
    {"layout": one_of("horizontal", "vertical", "baseline"), "contents": anything}, _BOX_FIELDS, _has_children
)


def box(value: object, place: str, findings: Findings) -> None:
    """A box and all that is in it."""
    if findings.depth == _DEEPEST:
        findings.add(place, f"Must not be within more than {_DEEPEST} boxes")
        return
    findings.depth += 1
    _ANY_BOX(value, place, findings)
    findings.depth -= 1


# #box: which components there are in which layout.
_ON_A_BASELINE = items(tagged({"text": _TEXT, "icon": _ICON, "filler": _FILLER}), 0)
_IN_A_BOX = items(
    tagged({"box": box, "text": _TEXT, "image": IMAGE, "button": _BUTTON, "separator": _SEPARATOR, "filler": _FILLER}),
    0,
)

VIDEO = fields(
    {"url": media_url, "previewUrl": media_url, "altContent": tagged({"box": box, "image": IMAGE})},
    {"aspectRatio": aspect_ratio, "action": VIDEO_ACTION},
)
