"""A profile and an event that the template tests share."""

from lumo.integrations.klaviyo.templates import build_context

TEXT = '12" Pan & "Lid" – O\'Neil <New> 日本語 \\ slash\nline2'

CONTEXT = build_context(
    person={
        "KlaviyoID": "01ABC",
        "email": "mei@shop.example",
        "first_name": "Mei & Co",
        "LINE User ID": "U1",
        "$timezone": "Asia/Tokyo",
        "Nothing": None,
        "VIP": True,
        "Born": "2016-02-11T16:46:08-05:00",
        "Text": TEXT,
    },
    event={
        "$value": 3200.0,
        "$event_id": "17665",
        "items": [{"title": "Pan", "price": 3}, {"title": "Lid", "price": "2.50"}, {"title": "Pan", "price": 1}],
        "Names": ["b", "a", None, "C"],
        "Numbers": [3, 1, 2],
        "Link": "https://shop.example/?a=1&b=2",
        "$extra": {"line_items": [{"product": {"title": "A & B"}, "quantity": 2.0}]},
    },
    organization={"name": "Shop", "url": "https://shop.example/", "timezone": "Asia/Tokyo"},
)
