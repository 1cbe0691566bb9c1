"""LINE's message objects: https://developers.line.biz/en/reference/messaging-api/#message-objects."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lumo.messaging.preview import styles
from lumo.messaging.preview.bubbles import render_container
from lumo.messaging.preview.markup import NOTHING, element, hint, image, join, named_hint, unknown
from lumo.messaging.preview.node import Node

_QUICK_REPLIES = 13  # #quick-reply
_AREAS = 50  # of an imagemap
_IMAGEMAP_WIDTH = 700  # one of the five in which a shop serves the picture


def render_message(message: Mapping[str, Any], *, image_origins: Collection[str] = ()) -> SafeString:
    """One message object as HTML for line.css, with the quick replies that it carries.

    Pictures are loaded from https, and from `image_origins`, such as `http://127.0.0.1:8000`. Never raises for what is
    in the message: what is unknown or not as LINE wants it becomes a note.
    """
    node = Node(message)
    render = _MESSAGES.get(node.text("type"))
    drawn = render(node, image_origins) if render else unknown(node)
    return join([drawn, _render_quick_replies(node.node("quickReply"), image_origins)])


def _render_text(message: Node, _origins: Collection[str]) -> SafeString:
    if not message.text("text"):
        return unknown(message)
    return element("div", "ln-text", message.text("text"), attributes={"dir": "auto"})


def _render_image(message: Node, origins: Collection[str]) -> SafeString:
    url = message.text("previewImageUrl") or message.text("originalContentUrl")
    return element("div", "ln-image", image(url, alt=_("Image"), origins=origins))


def _render_video(message: Node, origins: Collection[str]) -> SafeString:
    poster = image(message.text("previewImageUrl"), alt=_("Video"), origins=origins)
    return element("div", "ln-image ln-video", poster)


def _render_sticker(message: Node, _origins: Collection[str]) -> SafeString:
    """Its name only: the picture is LINE's, and elsewhere."""
    number = element("small", "", f"{message.text('packageId')[:20]} / {message.text('stickerId')[:20]}")
    return element("div", "ln-sticker", join([element("b", "", _("Sticker")), number]))


def _render_imagemap(message: Node, origins: Collection[str]) -> SafeString:
    base = message.node("baseSize")
    width, height = base.number("width") or 0, base.number("height") or 0
    if width < 1 or height < 1:
        return unknown(message)
    url = f"{message.text('baseUrl')}/{_IMAGEMAP_WIDTH}"
    picture = image(url, alt=message.text("altText"), origins=origins)
    actions = enumerate(message.nodes("actions")[:_AREAS], 1)
    areas = (_render_area(number, action, width=width, height=height) for number, action in actions)
    style = {"aspect-ratio": f"{width:.0f} / {height:.0f}"}
    return element("div", "ln-imagemap", join([picture, *areas]), style=style)


def _render_area(number: int, action: Node, *, width: float, height: float) -> SafeString:
    area = action.node("area")
    style = {
        "left": styles.percent((area.number("x") or 0) / width),
        "top": styles.percent((area.number("y") or 0) / height),
        "width": styles.percent((area.number("width") or 0) / width),
        "height": styles.percent((area.number("height") or 0) / height),
    }
    badge = element("b", "", str(number))
    opens = Node({"uri": action.text("linkUri"), "text": action.text("text"), "data": action.text("clipboardText")})
    return element("span", "ln-area", badge, style=style, attributes=named_hint(opens))


def _render_flex(message: Node, origins: Collection[str]) -> SafeString:
    return element("div", "ln-flex", render_container(message.node("contents"), origins=origins))


def _render_quick_replies(quick_reply: Node, origins: Collection[str]) -> SafeString:
    chips = [_render_chip(item, origins) for item in quick_reply.nodes("items")[:_QUICK_REPLIES]]
    attributes = {"tabindex": "0", "role": "group", "aria-label": _("Quick replies")}
    return element("div", "ln-quick", join(chips), attributes=attributes) if chips else NOTHING


def _render_chip(item: Node, origins: Collection[str]) -> SafeString:
    action = item.node("action")
    icon = image(item.text("imageUrl"), origins=origins) if item.has("imageUrl") else NOTHING
    label = element("span", "", action.text("label"), attributes={"dir": "auto"})
    return element("span", "ln-chip", join([icon, label]), attributes=hint(action))


_MESSAGES: dict[str, Callable[[Node, Collection[str]], SafeString]] = {
    "text": _render_text,
    "image": _render_image,
    "video": _render_video,
    "sticker": _render_sticker,
    "imagemap": _render_imagemap,
    "flex": _render_flex,
}
