"""The request that LINE's push endpoint gets. The one place that makes its bytes. Knows no Django."""

from typing import Any

import msgspec

from lumo.messaging.builder import NotSendableError, build_messages, build_text_message
from lumo.messaging.contract import FlowBody
from lumo.messaging.documents import Document
from lumo.messaging.limits import TEXT
from lumo.messaging.text import TextTooLongError, fill


class PushRequest(msgspec.Struct, frozen=True):
    """https://developers.line.biz/en/reference/messaging-api/#send-push-message: one to five messages."""

    to: str
    messages: list[dict[str, Any]]


_encoder = msgspec.json.Encoder()


def build_push(body: FlowBody, *, to: str, display_name: str = "") -> bytes:
    """The push of a Flow body's direct text, its placeholders filled.

    Raises NotSendableError: `text_empty` (skipped) when nothing is left, `text_too_long` (failed).
    """
    try:
        text = fill(body.direct_text(), {"display_name": display_name} | body.values())
    except TextTooLongError:
        raise NotSendableError("failed", "text_too_long", f"more than {TEXT.most} characters") from None
    message = build_text_message(text)
    if message is None:
        raise NotSendableError("skipped", "text_empty")
    return _encoder.encode(PushRequest(to, [message]))


def build_message_push(
    document: Document, body: FlowBody, *, to: str, display_name: str = "", http_origin: str = ""
) -> bytes:
    """The push of an Auto Send Message for the person and the event of a Flow body.

    Raises NotSendableError as `build_messages` does.
    """
    messages = build_messages(document, body, display_name=display_name, http_origin=http_origin)
    return _encoder.encode(PushRequest(to, messages))
