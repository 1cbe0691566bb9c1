"""Messages of every type that LINE takes, with most of the properties that they can have."""

from typing import Any

from tests.factories import line_user_id

MISSING: Any = object()  # in the place of a property: without it
JPEG, PAGE = "https://shop.example/a%20b.jpg?width=800", "https://shop.example/p/1?q=%E8%8C%B6#top"
FAMILY = "👨‍👩‍👧"  # a grapheme of five characters and eight UTF-16 units
URI = {"type": "uri", "label": "見る", "uri": PAGE, "altUri": {"desktop": PAGE}}
POSTBACK = {"type": "postback", "label": "OK", "data": "a=1", "displayText": "OK", "inputOption": "openKeyboard"}
AREA = {"x": 0, "y": 520, "width": 1040, "height": 520}
GRADIENT = {"type": "linearGradient", "angle": "90.5deg", "startColor": "#000000", "endColor": "#ffffff80"}
LOOK = {"size": "sm", "color": "#1a2B3c", "weight": "bold", "style": "italic", "decoration": "underline"}
OFFSETS = {"position": "absolute", "offsetTop": "-4px", "offsetStart": "10%", "offsetEnd": "md", "offsetBottom": "none"}


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def box(*contents: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "box", "layout": "vertical", "contents": list(contents), **fields}


def bubble(**fields: Any) -> dict[str, Any]:
    bubble = {
        "type": "bubble",
        "size": "kilo",
        "hero": {"type": "image", "url": JPEG, "size": "full", "aspectRatio": "20:13", "aspectMode": "cover"},
        "body": box(text("茶", wrap=True, maxLines=2), spacing="md", paddingAll="5%", background=GRADIENT),
        "footer": box({"type": "button", "style": "primary", "height": "sm", "color": "#06C755", "action": URI}),
        **fields,
    }
    return {name: value for name, value in bubble.items() if value is not MISSING}


def carousel(*bubbles: dict[str, Any]) -> dict[str, Any]:
    return {"type": "flex", "altText": "本日のお茶", "contents": {"type": "carousel", "contents": list(bubbles)}}


RICH_BOX = box(
    box(text("★", flex=0), {"type": "icon", "url": JPEG, "size": "12px", "aspectRatio": "1:1"}, layout="baseline"),
    {"type": "text", "contents": [{"type": "span", "text": "a", **LOOK}, {"type": "span", "text": "\n"}], **OFFSETS},
    {"type": "separator", "margin": "xxl", "color": "#cccccc"},
    {"type": "filler", "flex": 1},
    {"type": "image", "url": JPEG, "size": "50%", "animated": False, "align": "end", "gravity": "top"},
    box(width="40px", maxHeight="50%", cornerRadius="xl", borderWidth="semi-bold", borderColor="#00000000"),
    justifyContent="space-between",
    alignItems="center",
)
VIDEO = {"type": "video", "url": "https://a.example/v.mp4", "previewUrl": JPEG, "altContent": box(), "action": URI}
COLUMN = {"thumbnailImageUrl": JPEG, "title": "茶", "text": "a" * 60, "defaultAction": URI, "actions": [URI, POSTBACK]}
QUICK_REPLIES = [
    {"type": "action", "imageUrl": JPEG, "action": {"type": "message", "label": "a", "text": "a"}},
    {"type": "action", "action": {"type": "camera", "label": "写真"}},
    {"type": "action", "action": {"type": "clipboard", "label": "写す", "clipboardText": "SALE"}},
    {
        "type": "action",
        "action": {"type": "datetimepicker", "label": "a", "data": "", "mode": "date", "min": "2026-01-01"},
    },
]

GOOD: dict[str, dict[str, Any]] = {
    "text": text("こんにちは 🌸", quickReply={"items": QUICK_REPLIES}, sender={"name": "お店", "iconUrl": JPEG}),
    "emoji": text("$ 🌸$", emojis=[{"index": at, "productId": "5ac1", "emojiId": "001"} for at in (0, 4)]),
    "textV2": {
        "type": "textV2",
        "text": "{who} {{all}} {smile}",
        "substitution": {
            "who": {"type": "mention", "mentionee": {"type": "user", "userId": line_user_id(1)}},
            "smile": {"type": "emoji", "productId": "5ac1", "emojiId": "001"},
        },
    },
    "sticker": {"type": "sticker", "packageId": "446", "stickerId": "1988"},
    "image": {"type": "image", "originalContentUrl": JPEG, "previewImageUrl": JPEG},
    "video": {"type": "video", "originalContentUrl": JPEG, "previewImageUrl": JPEG, "trackingId": "a-1"},
    "audio": {"type": "audio", "originalContentUrl": JPEG, "duration": 60000},
    "location": {"type": "location", "title": "店", "address": "東京", "latitude": 35.6, "longitude": 139},
    "coupon": {"type": "coupon", "couponId": "a"},
    "imagemap": {
        "type": "imagemap",
        "baseUrl": "https://shop.example/rich/1",
        "altText": "セール",
        "baseSize": {"width": 1040, "height": 1040},
        "actions": [
            {"type": "uri", "linkUri": PAGE, "label": "見る", "area": AREA},
            {"type": "message", "text": "a", "area": {**AREA, "y": 0}},
        ],
        "video": {
            "originalContentUrl": JPEG,
            "previewImageUrl": JPEG,
            "area": AREA,
            "externalLink": {"linkUri": PAGE, "label": "もっと"},
        },
    },
    "buttons": {"type": "template", "altText": "a", "template": {"type": "buttons", **COLUMN, "imageSize": "cover"}},
    "confirm": {
        "type": "template",
        "altText": "a",
        "template": {"type": "confirm", "text": "a" * 240, "actions": [URI, POSTBACK]},
    },
    "columns": {"type": "template", "altText": "a", "template": {"type": "carousel", "columns": [COLUMN]}},
    "images": {
        "type": "template",
        "altText": "a",
        "template": {"type": "image_carousel", "columns": [{"imageUrl": JPEG, "action": URI}]},
    },
    "flex": {"type": "flex", "altText": "a" * 1500, "contents": bubble(header=RICH_BOX, action=URI, direction="rtl")},
    "film": {
        "type": "flex",
        "altText": "a",
        "contents": bubble(hero=VIDEO, styles={"hero": {"backgroundColor": "#ffffff", "separator": True}}),
    },
    "carousel": carousel(bubble(), bubble(hero=box()), bubble()),
}
