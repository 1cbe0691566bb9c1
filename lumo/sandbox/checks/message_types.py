"""Every type of message. https://developers.line.biz/en/reference/messaging-api/#message-objects"""

from collections.abc import Mapping

from lumo.sandbox.checks import imagemaps, texts
from lumo.sandbox.checks.actions import QUICK_REPLY_ACTION
from lumo.sandbox.checks.flex import CONTAINER
from lumo.sandbox.checks.rules import ObjectRule, Rule, fields, integer, items, matching, number, one_of, tagged, text
from lumo.sandbox.checks.templates import TEMPLATE
from lumo.sandbox.checks.urls import media_url

_ALT_TEXT: dict[str, Rule] = {"altText": text(1, 1500)}
_QUOTE: dict[str, Rule] = {"quoteToken": text(1)}
_TRACKING_ID = matching(r"[A-Za-z0-9\-.=,+*()%$&;:@{}!?<>\[\]]{1,100}", "Must be 1 to 100 of the allowed characters")
_COMMON: dict[str, Rule] = {
    "quickReply": fields(
        {
            "items": items(
                fields({"type": one_of("action"), "action": QUICK_REPLY_ACTION}, {"imageUrl": media_url}), 1, 13
            )
        }
    ),
    "sender": fields(
        {}, {"name": matching(r"(?s)(?!.*LINE).{0,20}", "Must be short and without LINE"), "iconUrl": media_url}
    ),
}


def _message(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None, *also: ObjectRule) -> Rule:
    return fields(required, {**_COMMON, **(optional or {})}, *also)


MESSAGE = tagged(
    {
        "text": _message({"text": texts.TEXT}, {"emojis": texts.EMOJIS, **_QUOTE}, texts.stand_for_emojis),
        "textV2": _message({"text": texts.TEXT}, {"substitution": texts.substitutions, **_QUOTE}, texts.pair_braces),
        "sticker": _message({"packageId": text(1), "stickerId": text(1)}, _QUOTE),
        "image": _message({"originalContentUrl": media_url, "previewImageUrl": media_url}),
        "video": _message(
            {"originalContentUrl": media_url, "previewImageUrl": media_url}, {"trackingId": _TRACKING_ID}
        ),
        "audio": _message({"originalContentUrl": media_url, "duration": integer(1)}),
        "location": _message({"title": text(1, 100), "address": text(1, 100), "latitude": number, "longitude": number}),
        "coupon": _message({"couponId": text(1)}, {"deliveryTag": text(0, 30)}),
        "imagemap": _message({**_ALT_TEXT, **imagemaps.REQUIRED}, imagemaps.OPTIONAL, imagemaps.has_areas_inside),
        "template": _message({**_ALT_TEXT, "template": TEMPLATE}),
        "flex": _message({**_ALT_TEXT, "contents": CONTAINER}),
    }
)
