"""The one catalogue of reasons: why a request was refused, and why a delivery waits, was skipped or has failed.

Knows no Django: the workers use it too. `lumo.deliveries.explain` has the sentences.
"""

from enum import StrEnum
from typing import Literal

Kind = Literal["refused", "duplicate", "waiting", "skipped", "failed", "connection"]


class Reason(StrEnum):
    """A code as it is stored, answered to Klaviyo and filtered by."""

    # seen before or in the request
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    CONNECTION_DISABLED = "connection_disabled"
    KEY_MISSING = "key_missing"
    KEY_WRONG = "key_wrong"
    KEY_REISSUED = "key_reissued"
    TOO_MANY = "too_many"
    TYPE_UNSUPPORTED = "type_unsupported"
    BODY_INVALID = "body_invalid"
    RECIPIENT_MISSING = "recipient_missing"
    RECIPIENT_NOT_MERGED = "recipient_not_merged"
    RECIPIENT_INVALID = "recipient_invalid"
    ACCOUNT_UNKNOWN = "account_unknown"
    BODY_INCOMPLETE = "body_incomplete"
    MESSAGE_UNKNOWN = "message_unknown"
    TEXT_TOO_LONG = "text_too_long"
    UNAVAILABLE = "unavailable"
    DUPLICATE = "duplicate"
    # found by the worker
    RECIPIENT_UNKNOWN = "recipient_unknown"
    BLOCKED = "blocked"
    NO_CONSENT = "no_consent"
    QUIET_HOURS = "quiet_hours"
    CAP = "cap"
    NO_PRODUCTS = "no_products"
    TEXT_EMPTY = "text_empty"
    EXPIRED = "expired"
    INTERNAL = "internal"
    # said by LINE
    LINE_BUSY = "line_busy"
    LINE_REFUSED = "line_refused"
    LINE_TOKEN = "line_token"  # noqa: S105
    LINE_FORBIDDEN = "line_forbidden"
    QUOTA = "quota"
    # said by Klaviyo
    KLAVIYO_KEY = "klaviyo_key"
    KLAVIYO_REFUSED = "klaviyo_refused"


# A request with one of these proved nothing: anybody may have sent it.
UNPROVEN = frozenset({Reason.KEY_MISSING, Reason.KEY_WRONG, Reason.KEY_REISSUED, Reason.CONNECTION_DISABLED})

KINDS: dict[Reason, frozenset[Kind]] = {
    Reason.NOT_FOUND: frozenset({"refused"}),
    Reason.METHOD_NOT_ALLOWED: frozenset({"refused"}),
    Reason.TOO_LARGE: frozenset({"refused"}),
    Reason.TOO_SLOW: frozenset({"refused"}),
    Reason.CONNECTION_DISABLED: frozenset({"refused"}),
    Reason.KEY_MISSING: frozenset({"refused"}),
    Reason.KEY_WRONG: frozenset({"refused"}),
    Reason.KEY_REISSUED: frozenset({"refused"}),
    Reason.TOO_MANY: frozenset({"refused"}),
    Reason.TYPE_UNSUPPORTED: frozenset({"refused"}),
    Reason.BODY_INVALID: frozenset({"refused"}),
    Reason.RECIPIENT_MISSING: frozenset({"refused"}),
    Reason.RECIPIENT_NOT_MERGED: frozenset({"refused"}),
    Reason.RECIPIENT_INVALID: frozenset({"refused"}),
    Reason.ACCOUNT_UNKNOWN: frozenset({"refused"}),
    Reason.BODY_INCOMPLETE: frozenset({"refused"}),
    Reason.MESSAGE_UNKNOWN: frozenset({"refused", "failed"}),  # archived meanwhile
    Reason.TEXT_TOO_LONG: frozenset({"refused", "failed"}),  # before and after placeholders are filled
    Reason.UNAVAILABLE: frozenset({"refused"}),
    Reason.DUPLICATE: frozenset({"duplicate"}),
    Reason.RECIPIENT_UNKNOWN: frozenset({"failed"}),
    Reason.BLOCKED: frozenset({"failed"}),
    Reason.NO_CONSENT: frozenset({"skipped"}),
    Reason.QUIET_HOURS: frozenset({"waiting", "skipped"}),  # their end is near or too late
    Reason.CAP: frozenset({"skipped"}),
    Reason.NO_PRODUCTS: frozenset({"skipped"}),
    Reason.TEXT_EMPTY: frozenset({"skipped"}),
    Reason.EXPIRED: frozenset({"failed"}),
    Reason.INTERNAL: frozenset({"failed", "waiting"}),  # for a worker of a newer version
    Reason.LINE_BUSY: frozenset({"waiting"}),
    Reason.LINE_REFUSED: frozenset({"failed"}),
    Reason.LINE_TOKEN: frozenset({"waiting", "failed"}),  # while the account is paused, and when that took too long
    Reason.LINE_FORBIDDEN: frozenset({"waiting", "failed"}),
    Reason.QUOTA: frozenset({"waiting", "failed"}),
    Reason.KLAVIYO_KEY: frozenset({"connection"}),
    Reason.KLAVIYO_REFUSED: frozenset({"connection"}),
}
