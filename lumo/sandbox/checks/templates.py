"""Template messages. https://developers.line.biz/en/reference/messaging-api/#template-messages"""

from typing import Any

from lumo.sandbox.checks.actions import IMAGE_CAROUSEL_ACTION, TEMPLATE_ACTION, TEMPLATE_DEFAULT_ACTION
from lumo.sandbox.checks.rules import (
    Findings,
    fields,
    graphemes,
    items,
    matching,
    one_of,
    tagged,
    text,
)
from lumo.sandbox.checks.urls import media_url

_SHORT_TEXT = 60  # beside a title or a picture
_BUTTONS_TEXT, _CONFIRM_TEXT, _COLUMN_TEXT = 160, 240, 120
_BESIDE = {
    "thumbnailImageUrl": media_url,
    "imageBackgroundColor": matching("#[0-9A-Fa-f]{6}", "Must be a colour as #RRGGBB"),
    "title": text(0, 40, measure=graphemes),
    "defaultAction": TEMPLATE_DEFAULT_ACTION,
}
_IMAGES = {"imageAspectRatio": one_of("rectangle", "square"), "imageSize": one_of("cover", "contain")}


def _is_shorter_beside_others(thing: dict[str, Any], place: str, findings: Findings) -> None:
    written = thing.get("text")
    has_more = thing.get("title") or thing.get("thumbnailImageUrl")
    if has_more and isinstance(written, str) and graphemes(written) > _SHORT_TEXT:
        findings.add(f"{place}.text", f"Length must be between 1 and {_SHORT_TEXT} with a title or an image")


def _has_equal_columns(carousel: dict[str, Any], place: str, findings: Findings) -> None:
    columns = carousel.get("columns")
    if not isinstance(columns, list):
        return
    shapes = {
        (len(column["actions"]), "title" in column, "thumbnailImageUrl" in column)
        for column in columns
        if isinstance(column, dict) and isinstance(column.get("actions"), list)
    }
    if len(shapes) > 1:
        findings.add(
            f"{place}.columns", "Must have as many actions in each column, and a title or an image in all or none"
        )


def _text(most: int) -> dict[str, Any]:
    return {"text": text(1, most, measure=graphemes)}


_COLUMN = fields({**_text(_COLUMN_TEXT), "actions": items(TEMPLATE_ACTION, 1, 3)}, _BESIDE, _is_shorter_beside_others)
_IMAGE_COLUMN = fields({"imageUrl": media_url, "action": IMAGE_CAROUSEL_ACTION})
TEMPLATE = tagged(
    {
        "buttons": fields(
            {**_text(_BUTTONS_TEXT), "actions": items(TEMPLATE_ACTION, 1, 4)},
            {**_BESIDE, **_IMAGES},
            _is_shorter_beside_others,
        ),
        "confirm": fields({**_text(_CONFIRM_TEXT), "actions": items(TEMPLATE_ACTION, 2, 2)}),
        "carousel": fields({"columns": items(_COLUMN, 1, 10)}, _IMAGES, _has_equal_columns),
        "image_carousel": fields({"columns": items(_IMAGE_COLUMN, 1, 10)}),
    }
)
