"""The request that LINE's push endpoint gets. The one place that builds LINE's JSON for sending."""

from collections.abc import Mapping

import msgspec

from lumo.messaging.contract import FlowBody
from lumo.messaging.text import TEXT_LIMIT, TextTooLongError, fill, utf16_length


class NotSendableError(Exception):
    """Nothing can be sent. `state` is what the delivery becomes, `reason` a code of the catalogue."""

    def __init__(self, state: str, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.detail = detail


class TextMessage(msgspec.Struct, frozen=True, tag="text"):
    """https://developers.line.biz/en/reference/messaging-api/#text-message"""

    text: str


class PushRequest(msgspec.Struct, frozen=True):
    """https://developers.line.biz/en/reference/messaging-api/#send-push-message: one to five messages."""

    to: str
    messages: list[TextMessage]


_encoder = msgspec.json.Encoder()


def build_push(body: FlowBody, *, to: str, display_name: str = "") -> bytes:
    """The push of a Flow body's direct text, its placeholders filled.

    Raises NotSendableError: `text_empty` (skipped) when nothing is left, `text_too_long` (failed).
    """
    text = _filled_text(body.direct_text(), {"display_name": display_name} | body.values())
    return _encoder.encode(PushRequest(to, [TextMessage(text)]))


def _filled_text(template: str, values: Mapping[str, str]) -> str:
    try:
        text = fill(template, values)
    except TextTooLongError:
        raise NotSendableError("failed", "text_too_long", f"more than {TEXT_LIMIT} characters") from None
    if not text.strip():
        raise NotSendableError("skipped", "text_empty")
    length = utf16_length(text)
    if length > TEXT_LIMIT:
        raise NotSendableError("failed", "text_too_long", f"{length} of {TEXT_LIMIT} characters")
    return text
