"""A Flex Message's bubble and carousel: https://developers.line.biz/en/reference/messaging-api/#bubble."""

from collections.abc import Collection
from typing import NamedTuple

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lumo.messaging.preview import styles
from lumo.messaging.preview.flex import Place, render_component
from lumo.messaging.preview.markup import element, hint, join, note, unknown
from lumo.messaging.preview.node import Node

BUBBLES = 12  # of a carousel: #f-carousel


class _Padding(NamedTuple):
    """The padding of a bubble's blocks, as LINE's phones show it; `body` for one with no footer below."""

    header: str
    body: str
    footer: str
    body_above_footer: str


_WIDE = _Padding("20px", "19px 20px 20px", "10px", "19px 20px 10px")
_MIDDLE = _Padding("11px 14px 13px", "11px 14px 17px", "10px", "11px 14px 17px")
_NARROW = _Padding("10px", "10px", "10px", "10px")
_SIZES = {
    "nano": _NARROW,
    "micro": _NARROW,
    "deca": _MIDDLE,
    "hecto": _MIDDLE,
    "kilo": _Padding("13px", "13px 13px 17px", "10px", "13px 13px 17px"),
    "mega": _WIDE,
    "giga": _WIDE,
}


def render_container(contents: Node, *, origins: Collection[str]) -> SafeString:
    """A bubble, or a carousel of up to 12; a note in place of anything else."""
    kind = contents.text("type")
    if kind == "bubble":
        return _render_bubble(contents, origins)
    return _render_carousel(contents, origins) if kind == "carousel" else unknown(contents)


def _render_carousel(carousel: Node, origins: Collection[str]) -> SafeString:
    bubbles = carousel.nodes("contents")
    cards = [_render_bubble(bubble, origins) for bubble in bubbles[:BUBBLES]]
    if len(bubbles) > BUBBLES:
        cards.append(note(_("LINE shows no more than %(count)d cards.") % {"count": BUBBLES}))
    attributes = {"tabindex": "0", "role": "group", "aria-label": _("Cards")}
    return element("div", "fx-carousel", join(cards), attributes=attributes) if cards else unknown(Node(None))


def _render_bubble(bubble: Node, origins: Collection[str]) -> SafeString:
    size = bubble.text("size") if bubble.text("size") in _SIZES else "mega"
    paddings = _SIZES[size]
    blocks = {
        "header": paddings.header,
        "hero": None,
        "body": paddings.body_above_footer if bubble.has("footer") else paddings.body,
        "footer": paddings.footer,
    }
    drawn = [
        _render_block(bubble, name, Place(origins, padding=padding))
        for name, padding in blocks.items()
        if bubble.has(name)
    ]
    direction = "rtl" if bubble.text("direction") == "rtl" else "ltr"
    attributes = {"dir": direction, **hint(bubble.node("action"))}
    return element("div", f"fx-bubble fx-{size}", join(drawn or [unknown(Node(None))]), attributes=attributes)


def _render_block(bubble: Node, name: str, place: Place) -> SafeString:
    look = bubble.node("styles").node(name)
    content = render_component(bubble.node(name), place)
    style = {"background-color": styles.color(look.text("backgroundColor"))}
    block = element("div", f"fx-{name}", content, style=style)
    if not look.flag("separator"):
        return block
    line = {"background-color": styles.color(look.text("separatorColor"))}
    return join([element("div", "fx-line", style=line), block])
