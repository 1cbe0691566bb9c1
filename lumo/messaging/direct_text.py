"""The request body for a direct text, ready to paste into Klaviyo's Webhook action (DESIGN §4).

It is JSON before and after Klaviyo renders it: every value is quoted, tags use single quotes, free text is
percent-encoded.
"""

import msgspec

_EXAMPLE = "Thank you, {first_name}."
_VARIABLES = {
    "first_name": "{{ person.first_name|default:''|urlencode }}",
    "cart_url": "{{ event.extra.responsive_checkout_url|default:''|urlencode }}",
}


def recipient_tag(number: int) -> str:
    """Klaviyo's tag for a customer's LINE user id in the account of this number; the first has the bare name."""
    suffix = "" if number == 1 else f" {number}"
    return f"{{{{ person|lookup:'LINE User ID{suffix}' }}}}"


def build_direct_text_body(*, account: str, number: int, text: str = _EXAMPLE) -> str:
    """The body that sends `text` from the account of this public id and number."""
    body = {
        "account": account,
        "to": recipient_tag(number),
        "text": text,
        "profile": "{{ person.KlaviyoID }}",
        "event": "{{ event|lookup:'$event_id' }}",
        "enc": "urlencode",
        "esc": "{{ 'a&b'|upper }}",
        "variables": _VARIABLES,
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
