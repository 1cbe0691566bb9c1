"""The one place that writes tags: escaped, with the class names of line.css."""

from collections.abc import Iterable, Mapping
from html import escape

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from lumo.messaging.preview.node import Node
from lumo.messaging.preview.styles import Style, image_url

NOTHING = SafeString("")
_TOOLTIP = 200  # characters
# What an action does, in the property that says so: https://developers.line.biz/en/reference/messaging-api/#action-objects
_TOLD_BY = ("uri", "text", "displayText", "clipboardText", "data", "type")

Attributes = Mapping[str, str | None]


def element(
    tag: str, classes: str, content: str = NOTHING, *, style: Style | None = None, attributes: Attributes | None = None
) -> SafeString:
    """An element around `content`, which is escaped unless it is markup. What has no value is left out."""
    return SafeString(f"{_open(tag, classes, style or {}, attributes or {})}{markup(content)}</{tag}>")


def image(url: str, *, alt: str = "", style: Style | None = None, origins: Iterable[str]) -> SafeString:
    """A picture; a striped place where its address is none that a page may load."""
    source = image_url(url, origins)
    if not source:
        return element("span", "ln-no-image", attributes={"title": alt})
    # No shop that a picture comes from is told by whom it is looked at.
    attributes = {"src": source, "alt": alt, "loading": "lazy", "referrerpolicy": "no-referrer"}
    return _open("img", "", style or {}, attributes)


def join(parts: Iterable[SafeString]) -> SafeString:
    """Markup beside markup."""
    return SafeString("".join(parts))


def markup(text: str) -> SafeString:
    """A text as markup: escaped, unless it is markup by its type."""
    return text if isinstance(text, SafeString) else SafeString(escape(text))


def hint(action: Node) -> Attributes:
    """What tapping would do, as a tooltip: the preview opens nothing."""
    told = next((action.text(name) for name in _TOLD_BY if action.text(name)), "")
    return {"title": told[:_TOOLTIP]}


def named_hint(action: Node) -> Attributes:
    """The same for what has no words of its own, so that a screen reader tells it too."""
    told = hint(action)["title"]
    return {"title": told, "role": "img", "aria-label": told} if told else {}


def unknown(node: Node) -> SafeString:
    """The note in place of what the preview does not know, or what is not as LINE wants it."""
    kind = node.text("type")[:_TOOLTIP]
    return note(_("The preview can’t show “%(type)s”.") % {"type": kind} if kind else _("The preview can’t show this."))


def note(sentence: str) -> SafeString:
    """A sentence of ours between what is the message's own."""
    return element("div", "ln-note", sentence)


def _open(tag: str, classes: str, style: Style, attributes: Attributes) -> SafeString:
    looks = ";".join(f"{name}:{value}" for name, value in style.items() if value)
    pairs = {"class": classes, "style": looks, **attributes}.items()
    # An empty alt is kept: it says that the picture is an ornament.
    told = "".join(f' {name}="{escape(value or "")}"' for name, value in pairs if value or name == "alt")
    return SafeString(f"<{tag}{told}>")
