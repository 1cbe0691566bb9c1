"""LINE's Flex Message as types: what LINE would refuse does not fit them. Knows no Django.

https://developers.line.biz/en/reference/messaging-api/#flex-message. Only checks: what is sent is the JSON as it was
written, with all that these types don't name.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lumo.messaging.limits import (
    ANIMATED_IMAGES,
    BUBBLE_SIZE,
    BUBBLES,
    CAROUSEL_SIZE,
    CLIPBOARD_TEXT,
    FLEX_LABEL,
    IMAGE_URL,
    MESSAGE_ACTION_TEXT,
    POSTBACK_DATA,
    URI,
    Limit,
)

DEEPEST = 20  # boxes in one another; LINE's own limit is not documented

_SPACES = "none|xs|sm|md|lg|xl|xxl"
_NUMBER = r"[0-9]{1,5}(\.[0-9]{1,5})?"
_AUTHORITY = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?"
_URI_REST = r"(?:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_WEB = rf"{_AUTHORITY}([/?#]{_URI_REST})?"
_PERCENT = r"(100(\.0{1,5})?|[0-9]{1,2}(\.[0-9]{1,5})?)%"
_DATE, _TIME = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", r"([01][0-9]|2[0-3]):[0-5][0-9]"
_SIDE = r"[1-9][0-9]{0,4}(\.[0-9]{1,5})?"

Color = Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?\Z")]
Space = Annotated[str, Meta(pattern=rf"^({_SPACES}|{_NUMBER}px)\Z")]
Padding = Annotated[str, Meta(pattern=rf"^({_SPACES}|{_NUMBER}(px|%))\Z")]
Offset = Annotated[str, Meta(pattern=rf"^({_SPACES}|-?{_NUMBER}(px|%))\Z")]
Measure = Annotated[str, Meta(pattern=rf"^{_NUMBER}(px|%)\Z")]
BorderWidth = Annotated[str, Meta(pattern=rf"^(none|light|normal|medium|semi-bold|bold|{_NUMBER}px)\Z")]
Angle = Annotated[str, Meta(pattern=r"^([0-9]{1,2}|[12][0-9]{2}|3[0-5][0-9])(\.[0-9]{1,5})?deg\Z")]
TextSize = Annotated[str, Meta(pattern=rf"^(xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|{_NUMBER}px)\Z")]
ImageSize = Annotated[str, Meta(pattern=rf"^(xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|full|{_NUMBER}(px|%))\Z")]
Ratio = Annotated[str, Meta(pattern=rf"^{_SIDE}:{_SIDE}\Z")]
ImageUrl = Annotated[str, Meta(pattern=rf"^https://{_WEB}\Z", max_length=IMAGE_URL.most)]
ActionUri = Annotated[
    str,
    Meta(pattern=rf"^(https?://{_WEB}|line://[A-Za-z0-9]{_URI_REST}|tel:[0-9+\-().]+)\Z", max_length=URI.most),
]
Moment = Annotated[str, Meta(pattern=rf"^({_DATE}|{_TIME}|{_DATE}[Tt]{_TIME})\Z")]
Some = Annotated[str, Meta(min_length=1)]
Factor = Annotated[int, Meta(ge=0, le=100)]
Align = Literal["start", "end", "center"]
Gravity = Literal["top", "bottom", "center"]
Position = Literal["relative", "absolute"]


class _Typed(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """A tagged object of LINE's."""


class AltUri(msgspec.Struct, frozen=True, kw_only=True):
    desktop: ActionUri | UnsetType = UNSET


class UriAction(_Typed, frozen=True, kw_only=True, tag="uri"):
    uri: ActionUri
    alt_uri: AltUri | UnsetType = UNSET
    label: str | UnsetType = UNSET


class MessageAction(_Typed, frozen=True, kw_only=True, tag="message"):
    text: Some
    label: str | UnsetType = UNSET


class PostbackAction(_Typed, frozen=True, kw_only=True, tag="postback"):
    data: Some
    label: str | UnsetType = UNSET
    display_text: str | UnsetType = UNSET
    text: str | UnsetType = UNSET
    fill_in_text: str | UnsetType = UNSET
    input_option: Literal["closeRichMenu", "openRichMenu", "openKeyboard", "openVoice"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.text and self.display_text:
            raise ValueError("Expected only one of `text` and `displayText`")


class ClipboardAction(_Typed, frozen=True, kw_only=True, tag="clipboard"):
    clipboard_text: Some
    label: str | UnsetType = UNSET


class DatetimeAction(_Typed, frozen=True, kw_only=True, tag="datetimepicker"):
    data: Some
    mode: Literal["date", "time", "datetime"]
    initial: Moment | UnsetType = UNSET
    min: Moment | UnsetType = UNSET
    max: Moment | UnsetType = UNSET
    label: str | UnsetType = UNSET


Action = UriAction | MessageAction | PostbackAction | ClipboardAction | DatetimeAction


class _Component(_Typed, frozen=True, kw_only=True):
    """What every component may say about its place."""

    flex: Factor | UnsetType = UNSET
    margin: Space | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    offset_top: Offset | UnsetType = UNSET
    offset_bottom: Offset | UnsetType = UNSET
    offset_start: Offset | UnsetType = UNSET
    offset_end: Offset | UnsetType = UNSET


class LinearGradient(_Typed, frozen=True, kw_only=True, tag="linearGradient"):
    angle: Angle
    start_color: Color
    end_color: Color
    center_color: Color | UnsetType = UNSET
    center_position: Annotated[str, Meta(pattern=rf"^{_PERCENT}\Z")] | UnsetType = UNSET


class Span(_Typed, frozen=True, kw_only=True, tag="span"):
    text: Some
    size: TextSize | UnsetType = UNSET
    color: Color | UnsetType = UNSET
    weight: Literal["regular", "bold"] | UnsetType = UNSET
    style: Literal["normal", "italic"] | UnsetType = UNSET
    decoration: Literal["none", "underline", "line-through"] | UnsetType = UNSET


class Text(_Component, frozen=True, kw_only=True, tag="text"):
    text: Some | UnsetType = UNSET
    contents: list[Span] | UnsetType = UNSET
    size: TextSize | UnsetType = UNSET
    align: Align | UnsetType = UNSET
    gravity: Gravity | UnsetType = UNSET
    wrap: bool | UnsetType = UNSET
    line_spacing: Annotated[str, Meta(pattern=rf"^{_NUMBER}px\Z")] | UnsetType = UNSET
    max_lines: Annotated[int, Meta(ge=0, lt=2**31)] | UnsetType = UNSET
    weight: Literal["regular", "bold"] | UnsetType = UNSET
    color: Color | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    style: Literal["normal", "italic"] | UnsetType = UNSET
    decoration: Literal["none", "underline", "line-through"] | UnsetType = UNSET
    adjust_mode: Literal["shrink-to-fit"] | UnsetType = UNSET
    scaling: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not self.text and not self.contents:
            raise ValueError("Expected `text` that is not empty")


class Image(_Component, frozen=True, kw_only=True, tag="image"):
    url: ImageUrl
    align: Align | UnsetType = UNSET
    gravity: Gravity | UnsetType = UNSET
    size: ImageSize | UnsetType = UNSET
    aspect_ratio: Ratio | UnsetType = UNSET
    aspect_mode: Literal["cover", "fit"] | UnsetType = UNSET
    background_color: Color | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    animated: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_ratio(self.aspect_ratio)


class Icon(_Component, frozen=True, kw_only=True, tag="icon"):
    url: ImageUrl
    size: TextSize | UnsetType = UNSET
    aspect_ratio: Ratio | UnsetType = UNSET
    scaling: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_ratio(self.aspect_ratio)


class Button(_Component, frozen=True, kw_only=True, tag="button"):
    action: Action
    height: Literal["sm", "md"] | UnsetType = UNSET
    style: Literal["primary", "secondary", "link"] | UnsetType = UNSET
    color: Color | UnsetType = UNSET
    gravity: Gravity | UnsetType = UNSET
    adjust_mode: Literal["shrink-to-fit"] | UnsetType = UNSET
    scaling: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not self.action.label:
            raise ValueError("Expected an `action` with a label")


class Separator(_Typed, frozen=True, kw_only=True, tag="separator"):
    margin: Space | UnsetType = UNSET
    color: Color | UnsetType = UNSET


class Filler(_Typed, frozen=True, kw_only=True, tag="filler"):
    flex: Factor | UnsetType = UNSET


class Box(_Component, frozen=True, kw_only=True, tag="box"):
    layout: Literal["horizontal", "vertical", "baseline"]
    contents: "list[Component]"
    background_color: Color | UnsetType = UNSET
    border_color: Color | UnsetType = UNSET
    border_width: BorderWidth | UnsetType = UNSET
    corner_radius: Space | UnsetType = UNSET
    width: Measure | UnsetType = UNSET
    max_width: Measure | UnsetType = UNSET
    height: Measure | UnsetType = UNSET
    max_height: Measure | UnsetType = UNSET
    spacing: Space | UnsetType = UNSET
    padding_all: Padding | UnsetType = UNSET
    padding_top: Padding | UnsetType = UNSET
    padding_bottom: Padding | UnsetType = UNSET
    padding_start: Padding | UnsetType = UNSET
    padding_end: Padding | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    justify_content: (
        Literal["flex-start", "center", "flex-end", "space-between", "space-around", "space-evenly"] | UnsetType
    ) = UNSET
    align_items: Literal["flex-start", "center", "flex-end"] | UnsetType = UNSET
    background: LinearGradient | UnsetType = UNSET

    def __post_init__(self) -> None:
        is_baseline = self.layout == "baseline"
        for component in self.contents:
            if is_baseline and not isinstance(component, Text | Icon | Filler):
                raise ValueError("Expected only text, icon and filler in a baseline `box`")
            if not is_baseline and isinstance(component, Icon):
                raise ValueError("Expected an icon only in a baseline `box`")


class Video(_Typed, frozen=True, kw_only=True, tag="video"):
    """Only as a hero: https://developers.line.biz/en/reference/messaging-api/#f-video."""

    url: ImageUrl
    preview_url: ImageUrl
    alt_content: Image | Box
    aspect_ratio: Ratio | UnsetType = UNSET
    action: UriAction | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check_ratio(self.aspect_ratio)


Component = Box | Text | Image | Icon | Button | Separator | Filler


class BlockStyle(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    background_color: Color | UnsetType = UNSET
    separator: bool | UnsetType = UNSET
    separator_color: Color | UnsetType = UNSET


class BubbleStyles(msgspec.Struct, frozen=True, kw_only=True):
    header: BlockStyle | UnsetType = UNSET
    hero: BlockStyle | UnsetType = UNSET
    body: BlockStyle | UnsetType = UNSET
    footer: BlockStyle | UnsetType = UNSET


class Bubble(_Typed, frozen=True, kw_only=True, tag="bubble"):
    size: Literal["nano", "micro", "deca", "hecto", "kilo", "mega", "giga"] | UnsetType = UNSET
    direction: Literal["ltr", "rtl"] | UnsetType = UNSET
    header: Box | UnsetType = UNSET
    hero: Box | Image | Video | UnsetType = UNSET
    body: Box | UnsetType = UNSET
    footer: Box | UnsetType = UNSET
    styles: BubbleStyles | UnsetType = UNSET
    action: Action | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not (self.header or self.hero or self.body or self.footer):
            raise ValueError("Expected a `header`, `hero`, `body` or `footer`")
        if isinstance(self.hero, Video) and self.size not in {UNSET, "kilo", "mega", "giga"}:
            raise ValueError("Expected a video only in a bubble of size kilo, mega or giga")


class Carousel(_Typed, frozen=True, kw_only=True, tag="carousel"):
    contents: Annotated[list[Bubble], Meta(min_length=1, max_length=BUBBLES.most)]

    def __post_init__(self) -> None:
        if len({bubble.size or "mega" for bubble in self.contents}) > 1:
            raise ValueError("Expected bubbles of one size")
        if any(isinstance(bubble.hero, Video) for bubble in self.contents):
            raise ValueError("Expected a video only outside of a carousel")


class FlexFault(msgspec.Struct, frozen=True):
    """What LINE would refuse: the path below `contents`, and what was expected there."""

    path: str
    expected: str


def is_too_deep(contents: Any) -> bool:
    """Whether JSON is nested deeper than `DEEPEST` boxes make it: then nothing should walk it by recursion."""
    return _depth(contents) > 3 * DEEPEST


def find_fault(contents: Any) -> FlexFault | None:
    """The first thing in a bubble or carousel (plain JSON objects) that LINE would refuse."""
    if is_too_deep(contents):
        return FlexFault("", f"Expected at most {DEEPEST} boxes in one another")
    try:
        msgspec.convert(contents, Bubble | Carousel)
    except msgspec.ValidationError as error:
        return _told(str(error))
    return next(_find_rest(contents, ""), None)


def _told(message: str) -> FlexFault:
    """A sentence of msgspec's, `Expected … - at `$.body``, in two parts."""
    words, _, path = message.partition(" - at `$")
    return FlexFault(path.removesuffix("`").lstrip("."), words.replace("`", ""))


def _check_ratio(ratio: str | UnsetType) -> None:
    """LINE takes no picture higher than three times its width."""
    if ratio:
        width, height = (float(part) for part in ratio.split(":"))
        if height > 3 * width:
            raise ValueError("Expected an `aspectRatio` whose height is at most three times the width")


def _depth(contents: Any) -> int:
    depth, level = 0, [contents]
    while level and depth <= 3 * DEEPEST:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth


def _find_rest(node: Any, path: str) -> Iterator[FlexFault]:
    """What the types don't say: sizes in other units than they count in, objects without a type, too much movement."""
    if isinstance(node, list):
        for number, child in enumerate(node):
            yield from _find_rest(child, f"{path}[{number}]")
    elif isinstance(node, dict):
        kind = node.get("type")
        for name, limit in _LENGTHS.get(kind, {}).items() if isinstance(kind, str) else ():
            if isinstance(node.get(name), str) and not limit.allows(node[name]):
                yield FlexFault(f"{path}.{name}".lstrip("."), f"Expected at most {limit.most} {limit.unit}")
        size = {"bubble": BUBBLE_SIZE, "carousel": CAROUSEL_SIZE}.get(kind) if isinstance(kind, str) else None
        if size and len(msgspec.json.encode(node)) > size.most:
            yield FlexFault(path.lstrip("."), f"Expected at most {size.most} {size.unit} of JSON")
        for name, child in node.items():
            place = f"{path}.{name}"
            parts = child if isinstance(child, list) else [child]
            is_typed = name in _TYPED and not path.endswith(".styles")
            if is_typed and any(isinstance(part, dict) and "type" not in part for part in parts):
                yield FlexFault(place.lstrip("."), "Expected objects with a type")
            yield from _find_rest(child, place)
        if not path and msgspec.json.encode(node).count(b'"animated":true') > ANIMATED_IMAGES.most:
            yield FlexFault("", f"Expected at most {ANIMATED_IMAGES.most} animated images")


_TYPED = {"header", "hero", "body", "footer", "contents", "action", "altContent", "background"}
_ACTION: dict[str, Limit] = {"label": FLEX_LABEL}
_LENGTHS: dict[str, dict[str, Limit]] = {
    "uri": _ACTION,
    "message": _ACTION | {"text": MESSAGE_ACTION_TEXT},
    "postback": _ACTION
    | {"data": POSTBACK_DATA}
    | dict.fromkeys(("text", "displayText", "fillInText"), MESSAGE_ACTION_TEXT),
    "clipboard": _ACTION | {"clipboardText": CLIPBOARD_TEXT},
    "datetimepicker": _ACTION | {"data": POSTBACK_DATA},
}
