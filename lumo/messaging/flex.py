"""LINE's Flex Message as types: what LINE would refuse does not fit them. Knows no Django.

https://developers.line.biz/en/reference/messaging-api/#flex-message. Only checks: what is sent is the JSON as it was
written, with all that these types don't name.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lumo.messaging.limits import (
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

_URI_CHARACTERS = r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})"
_SPACES = "none|xs|sm|md|lg|xl|xxl"

Color = Annotated[str, Meta(pattern=r"^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?\Z")]
Space = Annotated[str, Meta(pattern=rf"^({_SPACES}|\d{{1,5}}(\.\d{{1,5}})?(px|%)|0)\Z")]
Offset = Annotated[str, Meta(pattern=rf"^({_SPACES}|-?\d{{1,5}}(\.\d{{1,5}})?(px|%)|0)\Z")]
Measure = Annotated[str, Meta(pattern=r"^(\d{1,5}(\.\d{1,5})?(px|%)|0)\Z")]
BorderWidth = Annotated[str, Meta(pattern=r"^(none|light|normal|medium|semi-bold|bold|\d{1,5}(\.\d{1,5})?px|0)\Z")]
Angle = Annotated[str, Meta(pattern=r"^\d{1,3}(\.\d{1,5})?deg\Z")]
TextSize = Annotated[str, Meta(pattern=r"^(xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|\d{1,5}(\.\d{1,5})?px)\Z")]
ImageSize = Annotated[str, Meta(pattern=r"^(xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl|full|\d{1,5}(\.\d{1,5})?(px|%))\Z")]
Ratio = Annotated[str, Meta(pattern=r"^\d{1,5}(\.\d{1,5})?:\d{1,5}(\.\d{1,5})?\Z")]
ImageUrl = Annotated[str, Meta(pattern=rf"^https://{_URI_CHARACTERS}+\Z", max_length=IMAGE_URL.most)]
ActionUri = Annotated[
    str,
    Meta(pattern=rf"^(https?://{_URI_CHARACTERS}+|line://{_URI_CHARACTERS}+|tel:[0-9+\-().]+)\Z", max_length=URI.most),
]
Factor = Annotated[int, Meta(ge=0, le=100)]
Align = Literal["start", "end", "center"]
Gravity = Literal["top", "bottom", "center"]
Position = Literal["relative", "absolute"]


class _Typed(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """A tagged object of LINE's."""


class UriAction(_Typed, frozen=True, kw_only=True, tag="uri"):
    uri: ActionUri
    label: str | None = None


class MessageAction(_Typed, frozen=True, kw_only=True, tag="message"):
    text: Annotated[str, Meta(min_length=1)]
    label: str | None = None


class PostbackAction(_Typed, frozen=True, kw_only=True, tag="postback"):
    data: Annotated[str, Meta(min_length=1, max_length=POSTBACK_DATA.most)]
    label: str | None = None
    display_text: str | None = None
    text: str | None = None
    fill_in_text: str | None = None
    input_option: Literal["closeRichMenu", "openRichMenu", "openKeyboard", "openVoice"] | None = None


class ClipboardAction(_Typed, frozen=True, kw_only=True, tag="clipboard"):
    clipboard_text: Annotated[str, Meta(min_length=1, max_length=CLIPBOARD_TEXT.most)]
    label: str | None = None


class DatetimeAction(_Typed, frozen=True, kw_only=True, tag="datetimepicker"):
    data: Annotated[str, Meta(min_length=1, max_length=POSTBACK_DATA.most)]
    mode: Literal["date", "time", "datetime"]
    label: str | None = None


Action = UriAction | MessageAction | PostbackAction | ClipboardAction | DatetimeAction


class _Component(_Typed, frozen=True, kw_only=True):
    """What every component may say about its place."""

    flex: Factor | None = None
    margin: Space | None = None
    position: Position | None = None
    offset_top: Offset | None = None
    offset_bottom: Offset | None = None
    offset_start: Offset | None = None
    offset_end: Offset | None = None


class LinearGradient(_Typed, frozen=True, kw_only=True, tag="linearGradient"):
    angle: Angle
    start_color: Color
    end_color: Color
    center_color: Color | None = None
    center_position: Annotated[str, Meta(pattern=r"^\d{1,3}(\.\d{1,5})?%\Z")] | None = None


class Span(_Typed, frozen=True, kw_only=True, tag="span"):
    text: Annotated[str, Meta(min_length=1)]
    size: TextSize | None = None
    color: Color | None = None
    weight: Literal["regular", "bold"] | None = None
    style: Literal["normal", "italic"] | None = None
    decoration: Literal["none", "underline", "line-through"] | None = None


class Text(_Component, frozen=True, kw_only=True, tag="text"):
    text: str | None = None
    contents: list[Span] | None = None
    size: TextSize | None = None
    align: Align | None = None
    gravity: Gravity | None = None
    wrap: bool | None = None
    line_spacing: Annotated[str, Meta(pattern=r"^\d{1,5}(\.\d{1,5})?px\Z")] | None = None
    max_lines: Annotated[int, Meta(ge=0)] | None = None
    weight: Literal["regular", "bold"] | None = None
    color: Color | None = None
    action: Action | None = None
    style: Literal["normal", "italic"] | None = None
    decoration: Literal["none", "underline", "line-through"] | None = None
    adjust_mode: Literal["shrink-to-fit"] | None = None
    scaling: bool | None = None

    def __post_init__(self) -> None:
        if not self.text and not self.contents:
            raise ValueError("Expected `text` that is not empty")


class Image(_Component, frozen=True, kw_only=True, tag="image"):
    url: ImageUrl
    align: Align | None = None
    gravity: Gravity | None = None
    size: ImageSize | None = None
    aspect_ratio: Ratio | None = None
    aspect_mode: Literal["cover", "fit"] | None = None
    background_color: Color | None = None
    action: Action | None = None
    animated: bool | None = None

    def __post_init__(self) -> None:
        _check_ratio(self.aspect_ratio)


class Icon(_Component, frozen=True, kw_only=True, tag="icon"):
    url: ImageUrl
    size: TextSize | None = None
    aspect_ratio: Ratio | None = None
    scaling: bool | None = None

    def __post_init__(self) -> None:
        _check_ratio(self.aspect_ratio)


class Button(_Component, frozen=True, kw_only=True, tag="button"):
    action: Action
    height: Literal["sm", "md"] | None = None
    style: Literal["primary", "secondary", "link"] | None = None
    color: Color | None = None
    gravity: Gravity | None = None
    adjust_mode: Literal["shrink-to-fit"] | None = None
    scaling: bool | None = None

    def __post_init__(self) -> None:
        if not self.action.label:
            raise ValueError("Expected an `action` with a label")


class Separator(_Typed, frozen=True, kw_only=True, tag="separator"):
    margin: Space | None = None
    color: Color | None = None


class Filler(_Typed, frozen=True, kw_only=True, tag="filler"):
    flex: Factor | None = None


class Box(_Component, frozen=True, kw_only=True, tag="box"):
    layout: Literal["horizontal", "vertical", "baseline"]
    contents: "list[Component]"
    background_color: Color | None = None
    border_color: Color | None = None
    border_width: BorderWidth | None = None
    corner_radius: Space | None = None
    width: Measure | None = None
    max_width: Measure | None = None
    height: Measure | None = None
    max_height: Measure | None = None
    spacing: Space | None = None
    padding_all: Space | None = None
    padding_top: Space | None = None
    padding_bottom: Space | None = None
    padding_start: Space | None = None
    padding_end: Space | None = None
    action: Action | None = None
    justify_content: (
        Literal["flex-start", "center", "flex-end", "space-between", "space-around", "space-evenly"] | None
    ) = None
    align_items: Literal["flex-start", "center", "flex-end"] | None = None
    background: LinearGradient | None = None

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
    aspect_ratio: Ratio | None = None
    action: UriAction | None = None


Component = Box | Text | Image | Icon | Button | Separator | Filler


class BlockStyle(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    background_color: Color | None = None
    separator: bool | None = None
    separator_color: Color | None = None


class BubbleStyles(msgspec.Struct, frozen=True, kw_only=True):
    header: BlockStyle | None = None
    hero: BlockStyle | None = None
    body: BlockStyle | None = None
    footer: BlockStyle | None = None


class Bubble(_Typed, frozen=True, kw_only=True, tag="bubble"):
    size: Literal["nano", "micro", "deca", "hecto", "kilo", "mega", "giga"] | None = None
    direction: Literal["ltr", "rtl"] | None = None
    header: Box | None = None
    hero: Box | Image | Video | None = None
    body: Box | None = None
    footer: Box | None = None
    styles: BubbleStyles | None = None
    action: Action | None = None

    def __post_init__(self) -> None:
        if not (self.header or self.hero or self.body or self.footer):
            raise ValueError("Expected a `header`, `hero`, `body` or `footer`")
        if isinstance(self.hero, Video) and self.size not in {None, "kilo", "mega", "giga"}:
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
    return next(_find_too_long(contents, ""), None)


def _told(message: str) -> FlexFault:
    """A sentence of msgspec's, `Expected … - at `$.body``, in two parts."""
    words, _, path = message.partition(" - at `$")
    return FlexFault(path.removesuffix("`").lstrip("."), words.replace("`", ""))


def _check_ratio(ratio: str | None) -> None:
    """LINE takes no picture higher than three times its width."""
    if ratio is not None:
        width, height = (float(part) for part in ratio.split(":"))
        if width <= 0 or height <= 0 or height > 3 * width:
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


def _find_too_long(node: Any, path: str) -> Iterator[FlexFault]:
    """What is counted in other units than the types count in: labels in graphemes, JSON in bytes."""
    if isinstance(node, list):
        for number, child in enumerate(node):
            yield from _find_too_long(child, f"{path}[{number}]")
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    limits: dict[str, Limit] = {}
    if kind in {"uri", "message", "postback", "clipboard", "datetimepicker"}:
        limits = {"label": FLEX_LABEL, "displayText": MESSAGE_ACTION_TEXT, "fillInText": MESSAGE_ACTION_TEXT}
        limits |= {"text": MESSAGE_ACTION_TEXT}
    for name, limit in limits.items():
        if isinstance(node.get(name), str) and not limit.allows(node[name]):
            yield FlexFault(f"{path}.{name}".lstrip("."), f"Expected at most {limit.most} {limit.unit}")
    size = {"bubble": BUBBLE_SIZE, "carousel": CAROUSEL_SIZE}.get(kind or "")
    if size and len(msgspec.json.encode(node)) > size.most:
        yield FlexFault(path.lstrip("."), f"Expected at most {size.most} {size.unit} of JSON")
    for name, child in node.items():
        yield from _find_too_long(child, f"{path}.{name}")
