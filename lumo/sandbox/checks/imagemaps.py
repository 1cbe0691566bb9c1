"""Imagemap messages: a picture with places to tap. https://developers.line.biz/en/reference/messaging-api/#imagemap-message"""

from typing import Any

from lumo.sandbox.checks.rules import Findings, Rule, fields, graphemes, integer, items, tagged, text
from lumo.sandbox.checks.urls import link, media_url

_WIDTH = 1040  # pixels, whatever the picture's own
_AREA = fields({"x": integer(0), "y": integer(0), "width": integer(1), "height": integer(1)})
_SIDES = ("x", "y", "width", "height")
_LABEL = {"label": text(0, 100, measure=graphemes)}
_ACTION = tagged(
    {
        "uri": fields({"area": _AREA, "linkUri": link}, _LABEL),
        "message": fields({"area": _AREA, "text": text(1, 400)}, _LABEL),
        "clipboard": fields({"area": _AREA, "clipboardText": text(1, 1000)}, _LABEL),
    }
)
_VIDEO = fields(
    {"originalContentUrl": media_url, "previewImageUrl": media_url, "area": _AREA},
    {"externalLink": fields({"linkUri": link, "label": text(1, 30, measure=graphemes)})},
)
REQUIRED: dict[str, Rule] = {
    "baseUrl": media_url,
    "baseSize": fields({"width": integer(_WIDTH, _WIDTH), "height": integer(1)}),
    "actions": items(_ACTION, 0, 50),
}
OPTIONAL: dict[str, Rule] = {"video": _VIDEO}


def has_areas_inside(message: dict[str, Any], place: str, findings: Findings) -> None:
    """No area reaches beyond the picture."""
    size, actions = message.get("baseSize"), message.get("actions")
    height = size.get("height") if isinstance(size, dict) else None
    height = height if isinstance(height, int) and height > 0 else None
    areas = [(f"{place}.video.area", _area(message.get("video")))]
    if isinstance(actions, list):
        areas += [(f"{place}.actions[{number}].area", _area(action)) for number, action in enumerate(actions[:50])]
    for name, area in areas:
        if area and (area[0] + area[2] > _WIDTH or (height and area[1] + area[3] > height)):
            findings.add(name, "Must be inside the image")


def _area(thing: object) -> list[int] | None:
    """The area's sides, when there are all of them."""
    area = thing.get("area") if isinstance(thing, dict) else None
    sides = [area.get(name) for name in _SIDES] if isinstance(area, dict) else []
    numbers = [side for side in sides if isinstance(side, int)]
    return numbers if len(numbers) == len(_SIDES) else None
