"""Flex JSON that can be saved is what LINE accepts: every place of a bubble that uses all there is, with odd values."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from lumo.messaging import flex
from lumo.sandbox.messages import check_push
from tests.factories import line_user_id
from tests.shared import specs

Path = tuple[str | int, ...]

LINK = {"type": "uri", "label": "Open", "uri": "https://shop.example/", "altUri": {"desktop": "https://shop.example/"}}
ICON = {
    "type": "icon",
    "url": "https://i.example/a.png",
    "size": "md",
    "aspectRatio": "1:1",
    "scaling": True,
    "margin": "md",
    "offsetTop": "1px",
    "position": "relative",
}
TEXT = {
    "type": "text",
    "text": "Mug",
    "contents": [
        {
            "type": "span",
            "text": "Mug",
            "size": "md",
            "color": "#FFFFFF",
            "weight": "bold",
            "style": "italic",
            "decoration": "underline",
        }
    ],
    "size": "md",
    "align": "start",
    "gravity": "top",
    "wrap": True,
    "lineSpacing": "1px",
    "maxLines": 1,
    "color": "#FFFFFF",
    "adjustMode": "shrink-to-fit",
    "flex": 1,
    "action": {"type": "postback", "label": "a", "data": "d", "displayText": "x", "inputOption": "openKeyboard"},
}
GRADIENT = {
    "type": "linearGradient",
    "angle": "0deg",
    "startColor": "#FFFFFF",
    "endColor": "#000000",
    "centerColor": "#808080",
    "centerPosition": "10%",
}
MOMENTS = {"initial": "2026-01-02", "min": "2026-01-01", "max": "2026-12-31"}
BODY = {
    "type": "box",
    "layout": "vertical",
    "spacing": "md",
    "borderColor": "#FFFFFF",
    "borderWidth": "1px",
    "cornerRadius": "md",
    "width": "100%",
    "maxHeight": "100px",
    "paddingAll": "md",
    "paddingTop": "1%",
    "justifyContent": "center",
    "alignItems": "center",
    "offsetStart": "-1px",
    "background": GRADIENT,
    "action": LINK,
    "contents": [
        TEXT,
        {"type": "button", "height": "sm", "style": "primary", "color": "#FFFFFF", "action": LINK},
        {"type": "button", "action": {"type": "message", "label": "a", "text": "t"}},
        {"type": "button", "action": {"type": "clipboard", "label": "a", "clipboardText": "t"}},
        {"type": "button", "action": {"type": "datetimepicker", "label": "a", "data": "d", "mode": "date", **MOMENTS}},
        {"type": "separator", "margin": "md", "color": "#FFFFFF"},
    ],
}
BUBBLE = {
    "type": "bubble",
    "size": "mega",
    "direction": "ltr",
    "styles": {"header": {"backgroundColor": "#FFFFFF", "separator": True, "separatorColor": "#000000"}},
    "header": {"type": "box", "layout": "baseline", "contents": [ICON, {"type": "filler", "flex": 1}]},
    "hero": {"type": "image", "url": "https://i.example/a.jpg", "size": "full", "aspectRatio": "4:3", "action": LINK},
    "body": BODY,
}
VIDEO = {
    "type": "video",
    "url": "https://i.example/a.mp4",
    "previewUrl": "https://i.example/a.jpg",
    "aspectRatio": "4:3",
    "action": LINK,
    "altContent": {"type": "image", "url": "https://i.example/a.jpg"},
}

GONE = object()
ODD = [
    *(GONE, None, True, 0, -1, 1.5, 101, 2**31, "", " ", "a", "茶", [], {}, [None]),
    *("a" * 301, "a" * 1001, "a" * 2001, "日" * 41, "e\u0301" * 41, "👨‍👩‍👧" * 41, "😀" * 151, "😀" * 501),
    *(
        "http://a b/",
        "https://[::1",
        "https://a/[x]",
        "https://a:99999/",
        "https://u:p@a/",
        "https://?",
        "tel:",
        "line:x",
    ),
    *("10%", "10px", "-10px", "１０px", "10.5px", "0", "xs", "full", "0.1:1", "1:3", "1:3.1", "0:0"),
    *("90deg", "360deg", "99.5%", "100.5%", "#FFF", "#FFFFFF80", "2026-13-45", "rtl", "nano", "baseline"),
]


def test_whatever_is_not_refused_when_it_is_saved_is_accepted_by_line() -> None:
    schema = jsonschema_rs.validator_for(
        json.loads(specs("line/push-request.tagdispatch.schema.json").read_text()), validate_formats=True
    )
    accepted = 0
    for base in (BUBBLE, {"type": "bubble", "hero": VIDEO}):
        assert flex.find_fault(base) is None
        for path in _paths(base):
            for value in ODD:
                changed = _changed(base, path, value)
                if flex.find_fault(changed) is None:
                    accepted += 1
                    assert _refusals(schema, changed) == [], (path, value)
    assert accepted > 100


def _refusals(schema: Any, contents: Any) -> list[str]:
    push = {"to": line_user_id(1), "messages": [{"type": "flex", "altText": "x", "contents": contents}]}
    found = [f"{error.instance_path} {error.message}" for error in schema.iter_errors(push)]
    _, refusal = check_push(json.dumps(push).encode())
    return found + ([str(refusal)] if refusal else [])


def _paths(node: Any, path: Path = ()) -> Iterator[Path]:
    children: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield (*path, name)
        yield from _paths(child, (*path, name))


def _changed(base: Any, path: Path, value: Any) -> Any:
    changed = node = copy.deepcopy(base)
    for name in path[:-1]:
        node = node[name]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed
