"""What a Webhook action is answered (DESIGN §4): the code and sentence that a marketer meets in Klaviyo.

Klaviyo shows the status beside the person and retries only 429, 500, 502 and 503:
https://developers.klaviyo.com/en/docs/understanding_webhook_status_codes
"""

import msgspec

MAX_BODY = 256 * 1024

_KEY_SENTENCE = (
    "The authentication key is missing or wrong. Copy Header Name and Header Value from Flow Message Settings."
)


class Refusal(msgspec.Struct, frozen=True):
    """Status and sentence for one code."""

    status: int
    sentence: str


REFUSALS = {
    "not_found": Refusal(404, "This address is unknown. Copy the Destination URL from Flow Message Settings."),
    "method_not_allowed": Refusal(405, "Only POST is answered here."),
    "too_large": Refusal(413, "The body is larger than 256 KiB. Send fewer fields."),
    "too_slow": Refusal(503, "The body did not arrive in time. Klaviyo tries again later."),
    "connection_disabled": Refusal(403, "The Klaviyo integration is switched off in Lumo."),
    "key_missing": Refusal(401, _KEY_SENTENCE),
    "key_wrong": Refusal(401, _KEY_SENTENCE),
    "key_reissued": Refusal(401, _KEY_SENTENCE),
    "too_many": Refusal(429, "More requests a second than this workspace allows. Klaviyo tries again later."),
    "type_unsupported": Refusal(
        415, "Send the body as JSON in UTF-8, with Content-Type: application/json and no Content-Encoding."
    ),
    "body_invalid": Refusal(400, "The body is not valid JSON."),
    "recipient_missing": Refusal(
        422, "The field to is empty: this profile is not linked to a LINE friend. It must hold LINE User ID."
    ),
    "recipient_not_merged": Refusal(
        422, "The field to arrived as typed, not merged. It must be {{ person|lookup:'LINE User ID' }}."
    ),
    "recipient_invalid": Refusal(
        422, "The field to is no LINE user id: U followed by 32 digits and letters a to f. Check the property."
    ),
    "account_unknown": Refusal(
        422, "The LINE account of this body is not in the workspace, or none is named and there are several."
    ),
    "body_incomplete": Refusal(422, "Give either text or message: exactly one of them, and not empty."),
    "message_unknown": Refusal(422, "This Auto Send Message does not exist (any more). Use Get JSON again."),
    "text_too_long": Refusal(422, "The text is longer than 5,000 characters as LINE counts them."),
    "unavailable": Refusal(503, "The request can't be stored right now. Klaviyo tries again later."),
}
_SHOWN = {401: "key_wrong", 503: "unavailable"}


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status and the JSON that goes with it; `code` is the true one, for our own eyes."""

    status: int
    body: bytes
    code: str


def accepted(delivery_id: int) -> Answer:
    """202: stored durably; the id is the delivery's."""
    return Answer(202, b'{"id":"%d"}' % delivery_id, "accepted")


def duplicate(original_id: int) -> Answer:
    """200: the same request again; the id is the original's."""
    return Answer(200, b'{"id":"%d","duplicate":true}' % original_id, "duplicate")


def refused(code: str, detail: str = "") -> Answer:
    """The answer for a code; `detail` replaces its sentence. Each 401, and each 503, shows one code."""
    refusal = REFUSALS[code]
    shown = _SHOWN.get(refusal.status, code)
    body = msgspec.json.encode({"error": shown, "message": detail or refusal.sentence})
    return Answer(refusal.status, body, code)
