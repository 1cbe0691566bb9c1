"""Klaviyo's API, as far as Lumo speaks to it: who owns a private API key.

https://developers.klaviyo.com/en/reference/get_accounts. Every key that begins with `pk_` is right.
"""

from uuid import uuid4

from lumo.sandbox.http import Reply, Request, json_reply

BODY_LIMIT = 5 * 1024 * 1024  # bytes
_MEDIA_TYPE = "application/vnd.api+json"
_ACCOUNT_ID = "SaNdBx"
_ACCOUNT = {
    "type": "account",
    "id": _ACCOUNT_ID,
    "attributes": {
        "test_account": True,
        "contact_information": {
            "default_sender_name": "Sample Shop",
            "default_sender_email": "shop@example.com",
            "organization_name": "Sample Shop",
            "website_url": "https://shop.example",
            "street_address": {},
        },
        "industry": "Apparel and Accessories",
        "timezone": "Asia/Tokyo",
        "preferred_currency": "JPY",
        "public_api_key": _ACCOUNT_ID,
        "locale": "ja-JP",
    },
    "links": {"self": f"https://a.klaviyo.com/api/accounts/{_ACCOUNT_ID}"},
}


async def answer(request: Request) -> Reply:
    """The reply to a request whose path begins where Klaviyo's does."""
    if request.path.rstrip("/") != "/api/accounts":
        return _refused(404, "not_found", "Not found.", f"The path {request.path} could not be found.")
    if request.method != "GET":
        return _refused(405, "method_not_allowed", "Method not allowed.", f"Method {request.method} not allowed.")
    if not request.headers.get("authorization", "").startswith("Klaviyo-API-Key pk_"):
        return _refused(401, "not_authenticated", "Authentication credentials were not provided.", "Missing API key.")
    if not request.headers.get("revision"):
        return _refused(400, "invalid", "Invalid input.", "A revision header is required.")
    content = {"data": [_ACCOUNT], "links": {"self": "https://a.klaviyo.com/api/accounts"}}
    return json_reply(200, content, media_type=_MEDIA_TYPE)


def _refused(status: int, code: str, title: str, detail: str) -> Reply:
    error = {"id": str(uuid4()), "status": status, "code": code, "title": title, "detail": detail}
    return json_reply(status, {"errors": [error]}, media_type=_MEDIA_TYPE)
