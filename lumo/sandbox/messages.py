"""The checks that LINE makes of a push before it looks at the recipient, with its way of naming a fault.

https://developers.line.biz/en/reference/messaging-api/#send-push-message; `lumo.sandbox.checks` has those of the
messages. `http_origin` is the one origin whose pictures and videos may be http, which LINE refuses; "" is none.
"""

import re
from typing import Any

import msgspec

from lumo.sandbox.checks.message_types import MESSAGE
from lumo.sandbox.checks.rules import Fault, Findings, Rule, boolean, fields, items, matching, text

_USER_ID = re.compile(r"U[0-9a-f]{32}")
_MESSAGES: dict[str, Rule] = {"messages": items(MESSAGE, 1, 5)}
_UNIT = matching("[A-Za-z0-9_]{1,30}", "Must be 1 to 30 letters, digits and underscores")
_ONLY_MESSAGES = fields(_MESSAGES)
_PUSH = fields(
    {"to": text(1), **_MESSAGES}, {"notificationDisabled": boolean, "customAggregationUnits": items(_UNIT, 0, 1)}
)


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a 400."""

    message: str
    details: list[Fault] = []


def check_push(body: bytes, *, http_origin: str = "") -> tuple[dict[str, Any], Refusal | None]:
    """The decoded body of a push, and what is wrong with it."""
    content, refusal = decode(body)
    refusal = refusal or _check(content, _PUSH, http_origin)
    if refusal is None and not _USER_ID.fullmatch(content["to"]):
        refusal = Refusal("The property, 'to', in the request body is invalid (line: -, column: -)")
    return content, refusal


def check_messages(body: bytes, *, http_origin: str = "") -> Refusal | None:
    """What is wrong with the messages of a body: all that the validation endpoint looks at."""
    content, refusal = decode(body)
    return refusal or _check(content, _ONLY_MESSAGES, http_origin)


def decode(body: bytes) -> tuple[dict[str, Any], Refusal | None]:
    """A body as a JSON object, or the refusal of one that is none."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = None
    if not isinstance(content, dict):
        return {}, Refusal("The request body could not be parsed as JSON (line: -, column: -)")
    return content, None


def _check(content: dict[str, Any], rule: Rule, http_origin: str) -> Refusal | None:
    findings = Findings(http_origin)
    rule(content, "", findings)
    faults = findings.faults
    return Refusal(f"The request body has {len(faults)} error(s)", faults) if faults else None
