"""What happens on a tap. https://developers.line.biz/en/reference/messaging-api/#action-objects

Which actions are possible, and how long a label may be, depends on what is tapped (#action-object-label-spec).
"""

from collections.abc import Mapping
from typing import Any

from lumo.sandbox.checks.rules import Findings, Rule, fields, graphemes, matching, one_of, tagged, text
from lumo.sandbox.checks.urls import link

_TAPPED_TEXT = 300
_DATA = text(0, 300)
_SAID = text(0, _TAPPED_TEXT, measure=graphemes)
_MOMENT = matching(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9]{2}:[0-9]{2})?|[0-9]{2}:[0-9]{2}", "Must be a date, a time or both"
)


def _says_one_thing(action: dict[str, Any], place: str, findings: Findings) -> None:
    if "displayText" in action and "text" in action:
        findings.add(f"{place}.displayText", "May not be used together with text")


_Fields = Mapping[str, Rule]
_EVERYWHERE: dict[str, tuple[_Fields, _Fields]] = {  # type → what it must have, what it may have
    "uri": ({"uri": link}, {"altUri": fields({}, {"desktop": link})}),
    "message": ({"text": text(1, _TAPPED_TEXT, measure=graphemes)}, {}),
    "postback": (
        {"data": _DATA},
        {
            "displayText": _SAID,
            "text": _SAID,
            "fillInText": _SAID,
            "inputOption": one_of("closeRichMenu", "openRichMenu", "openKeyboard", "openVoice"),
        },
    ),
    "datetimepicker": (
        {"data": _DATA, "mode": one_of("date", "time", "datetime")},
        {"initial": _MOMENT, "max": _MOMENT, "min": _MOMENT},
    ),
    "clipboard": ({"clipboardText": text(1, 1000)}, {}),
}
_IN_QUICK_REPLIES: dict[str, tuple[_Fields, _Fields]] = {
    "camera": ({}, {}),
    "cameraRoll": ({}, {}),
    "location": ({}, {}),
}


def _actions(types: Mapping[str, tuple[_Fields, _Fields]], *, most: int, is_labelled: bool) -> Rule:
    """An action of these types whose label has at most so many graphemes, and at least one where it must have one."""
    label = {"label": text(1 if is_labelled else 0, most, measure=graphemes)}
    must, may = (label, {}) if is_labelled else ({}, label)
    return tagged(
        {
            name: fields({**required, **must}, {**optional, **may}, *([_says_one_thing] if name == "postback" else []))
            for name, (required, optional) in types.items()
        }
    )


FLEX_BUTTON_ACTION = _actions(_EVERYWHERE, most=40, is_labelled=True)
FLEX_ACTION = _actions(_EVERYWHERE, most=40, is_labelled=False)
TEMPLATE_ACTION = _actions(_EVERYWHERE, most=20, is_labelled=True)
TEMPLATE_DEFAULT_ACTION = _actions(_EVERYWHERE, most=20, is_labelled=False)
IMAGE_CAROUSEL_ACTION = _actions(_EVERYWHERE, most=12, is_labelled=False)
QUICK_REPLY_ACTION = _actions({**_EVERYWHERE, **_IN_QUICK_REPLIES}, most=20, is_labelled=True)
VIDEO_ACTION = _actions({"uri": _EVERYWHERE["uri"]}, most=40, is_labelled=False)
