"""The components of a Flex Message: https://developers.line.biz/en/reference/messaging-api/#flex-message.

`scaling` is ignored, as the preview's letters have no setting of a phone's to follow.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lumo.messaging.preview import styles
from lumo.messaging.preview.markup import element, hint, image, join, markup, named_hint, note, unknown
from lumo.messaging.preview.node import Node
from lumo.messaging.preview.styles import IMAGES, Style

DEEPEST = 20  # boxes in one another, as many as Lumo sends

_LAYOUTS = {"vertical", "horizontal", "baseline"}
_ARRANGED = {
    **{name: name for name in ("flex-start", "flex-end", "center", "space-between", "space-around", "space-evenly")},
    "start": "flex-start",
    "end": "flex-end",
}
_ALIGNED = {"center": " fx-center", "end": " fx-end", "start": " fx-start"}
_GRAVITY = {"center": " fx-middle", "bottom": " fx-bottom"}
_BUTTONS = {"primary", "secondary", "link"}
_MOST_LINES = 999
_LABEL = "15px"  # of a button
_PEOPLE = {"dir": "auto"}  # what people wrote may run either way


@dataclass(frozen=True, slots=True)
class Place:
    """Where a component stands: the layout of the box around it and whether that aligns what is in it, the space that
    it puts before the component, the padding that a box has here unless it says another, how many boxes are around it;
    and whence pictures may come beside https.
    """

    origins: Collection[str]
    layout: str = "vertical"
    aligns: bool = False
    spacing: str | None = None
    padding: str | None = None
    depth: int = 0

    @property
    def is_row(self) -> bool:
        return self.layout != "vertical"


def render_component(component: Node, place: Place) -> SafeString:
    """A component as HTML; a note in place of one that is unknown or too deep."""
    if place.depth > DEEPEST:
        return note(_("The preview does not go deeper than this."))
    render = _COMPONENTS.get(component.text("type"))
    return render(component, place) if render else unknown(component)


def _render_box(box: Node, place: Place) -> SafeString:
    layout = box.text("layout") if box.text("layout") in _LAYOUTS else "vertical"
    first = Place(place.origins, layout=layout, aligns=box.has("alignItems"), depth=place.depth + 1)
    later = replace(first, spacing=styles.length(box.text("spacing")))
    children = box.nodes("contents")
    content = join(render_component(child, later if number else first) for number, child in enumerate(children))
    style = {**_placed(box, place), **styles.padding(box, place.padding), **_shaped(box)}
    return element("div", f"fx-box fx-{layout}", content, style=style, attributes=hint(box.node("action")))


def _shaped(box: Node) -> Style:
    return {
        "background": styles.background(box),
        "border": styles.border(box),
        "border-radius": styles.length(box.text("cornerRadius")),
        "width": styles.size(box.text("width")),
        "height": styles.size(box.text("height")),
        "max-width": styles.size(box.text("maxWidth")),
        "max-height": styles.size(box.text("maxHeight")),
        "justify-content": _ARRANGED.get(box.text("justifyContent")),
        "align-items": _ARRANGED.get(box.text("alignItems")),
    }


def _render_text(text: Node, place: Place) -> SafeString:
    spans = text.nodes("contents")
    words = join(_render_span(span) for span in spans) if spans else markup(text.text("text"))
    if not words:
        return unknown(text)
    classes, fitted = _fit(text, place)
    return element(
        "div",
        f"fx-text{classes}{_turned(text)}",
        element("span", "", words, style=fitted, attributes=_PEOPLE),
        style={**_placed(text, place), **styles.lettering(text)},
        attributes=hint(text.node("action")),
    )


def _fit(text: Node, place: Place) -> tuple[str, Style]:
    """Classes and style by which a text fits its width: over lines, or in one that is cut off or shrinks."""
    if text.flag("wrap"):
        lines = text.number("maxLines") or 0
        clamp = {"-webkit-line-clamp": f"{lines:.0f}"} if 1 <= lines <= _MOST_LINES else {}
        return " fx-wrap fx-clamp" if clamp else " fx-wrap", {**styles.line_spacing(text), **clamp}
    if not _shrinks(text, place):
        return " fx-one-line", {}
    letters = "".join(span.text("text") for span in text.nodes("contents")) or text.text("text")
    return " fx-one-line fx-shrink", styles.shrunk(letters, styles.text_size(text.text("size")))


def _render_span(span: Node) -> SafeString:
    return element("span", "", span.text("text"), style=styles.lettering(span))


def _render_image(picture: Node, place: Place) -> SafeString:
    frame = {
        "width": styles.length(picture.text("size"), IMAGES) or IMAGES["md"],
        "aspect-ratio": styles.ratio(picture.text("aspectRatio")),
        "background-color": styles.color(picture.text("backgroundColor")),
    }
    mode = " fx-cover" if picture.text("aspectMode") == "cover" else ""
    content = element("div", f"fx-frame{mode}", image(picture.text("url"), origins=place.origins), style=frame)
    attributes = named_hint(picture.node("action"))
    return element("div", f"fx-image{_turned(picture)}", content, style=_placed(picture, place), attributes=attributes)


def _render_video(video: Node, place: Place) -> SafeString:
    """A video's picture with a mark to play it, which the preview does not."""
    picture = image(video.text("previewUrl"), alt=_("Video"), origins=place.origins)
    frame = {"width": "100%", "aspect-ratio": styles.ratio(video.text("aspectRatio"))}
    content = element("div", "fx-frame fx-cover ln-video", picture, style=frame)
    return element("div", "fx-image", content, style=_placed(video, place), attributes=hint(video.node("action")))


def _render_icon(icon: Node, place: Place) -> SafeString:
    measures = {
        "height": styles.text_size(icon.text("size")),
        "aspect-ratio": styles.ratio(icon.text("aspectRatio")),
    }
    picture = image(icon.text("url"), style=measures, origins=place.origins)
    return element("div", "fx-icon", picture, style=_placed(icon, place))


def _render_button(button: Node, place: Place) -> SafeString:
    action, label = button.node("action"), button.node("action").text("label")
    if not label:
        return unknown(button)
    look = button.text("style") if button.text("style") in _BUTTONS else "link"
    shrinks = _shrinks(button, place)
    words = element("span", "", label, style=styles.shrunk(label, _LABEL) if shrinks else {}, attributes=_PEOPLE)
    surface = element(
        "div",
        f"fx-button fx-{look}{' fx-low' if button.text('height') == 'sm' else ''}{' fx-shrink' if shrinks else ''}",
        words,
        style={"color" if look == "link" else "background-color": styles.color(button.text("color"))},
        attributes=hint(action),
    )
    return element("div", f"fx-holder{_turned(button)}", surface, style=_placed(button, place))


def _render_separator(separator: Node, place: Place) -> SafeString:
    style = {**_placed(separator, place), "background-color": styles.color(separator.text("color"))}
    return element("div", "fx-separator", style=style)


def _render_filler(filler: Node, place: Place) -> SafeString:
    return element("div", "fx-filler", style={**_placed(filler, place), "flex": f"{_factor(filler, 1):g} 0 0px"})


_COMPONENTS: dict[str, Callable[[Node, Place], SafeString]] = {
    "box": _render_box,
    "text": _render_text,
    "image": _render_image,
    "icon": _render_icon,
    "button": _render_button,
    "separator": _render_separator,
    "filler": _render_filler,
    "video": _render_video,
}


def _placed(component: Node, place: Place) -> Style:
    """What every component may say about its place. Its own margin stands in for the box's spacing."""
    is_absolute = component.text("position") == "absolute"
    spacing = None if is_absolute else place.spacing
    return {
        "flex": _share(component, place),
        "margin-inline-start" if place.is_row else "margin-top": styles.length(component.text("margin")) or spacing,
        "position": "absolute" if is_absolute else None,
        "top": styles.offset(component.text("offsetTop")),
        "bottom": styles.offset(component.text("offsetBottom")),
        "inset-inline-start": styles.offset(component.text("offsetStart")),
        "inset-inline-end": styles.offset(component.text("offsetEnd")),
    }


def _share(component: Node, place: Place) -> str:
    """How much of the box's room a component takes: in a row all take the same, unless they say otherwise."""
    keeps_size = component.text("type") in {"icon", "separator"} or component.has("width")
    factor = _factor(component, 1 if place.is_row and not keeps_size else 0)
    if factor == 0:
        return "none"
    return f"{factor:g} 0 0px" if place.is_row else f"{factor:g} 0 auto"


def _factor(component: Node, default: float) -> float:
    """`flex`, from 0 to 100."""
    factor = component.number("flex")
    return default if factor is None else round(min(max(factor, 0), 100), 2)


def _shrinks(component: Node, place: Place) -> bool:
    """Whether letters are to shrink; what takes its width from its letters has none that they could shrink to."""
    has_width = component.number("flex") != 0 if place.is_row else not place.aligns
    is_absolute = component.text("position") == "absolute"
    return component.text("adjustMode") == "shrink-to-fit" and has_width and not is_absolute


def _turned(component: Node) -> str:
    """The classes for where a component's content stands in its place."""
    return _ALIGNED.get(component.text("align"), "") + _GRAVITY.get(component.text("gravity"), "")
