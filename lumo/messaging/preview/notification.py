"""What a phone's notification and the list of chats say of new messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from lumo.messaging.preview.node import Node


def notification_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The words that stand for a push: of its last message the text, else `altText`, else what it is; empty for none.

    Never raises for what is in a message.
    """
    return _words(Node(messages[-1])) if messages else ""


def _words(message: Node) -> str:
    written = message.text("text").strip() or message.text("altText").strip()
    if written:
        return written
    told = {"image": _("Sent a photo"), "video": _("Sent a video"), "sticker": _("Sent a sticker")}
    return told.get(message.text("type"), _("Sent a message"))
