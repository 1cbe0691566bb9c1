"""The addresses that LINE takes: of what it fetches, and of what a tap opens.

Both want percent-encoded UTF-8 and nothing that RFC 3986 does not allow; hosts by name or IPv4 only.
"""

import re

from lumo.sandbox.checks.rules import Findings

_MEDIA_LENGTH, _LINK_LENGTH = 2000, 1000
_CHARACTERS = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*+"
_REST = rf"[A-Za-z0-9._\-]+(?::[0-9]{{1,5}})?(?:[/?]{_CHARACTERS})?(?:#{_CHARACTERS})?"
_MEDIA = re.compile(rf"https?://{_REST}", re.IGNORECASE)
_LINK = re.compile(
    rf"(?:https?|line)://{_REST}|tel:(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{{2}})+", re.IGNORECASE
)
_INVALID = "Must be a valid URI with percent-encoded characters"


def media_url(value: object, place: str, findings: Findings) -> None:
    """Of a picture, a video or a sound: https, or http at the one origin that the findings allow.

    https://developers.line.biz/en/reference/messaging-api/#image-message
    """
    if not isinstance(value, str) or not _MEDIA.fullmatch(value):
        findings.add(place, _INVALID if value else "May not be empty")
    elif len(value) > _MEDIA_LENGTH:
        findings.add(place, f"Length must be between 1 and {_MEDIA_LENGTH}")
    elif not value.lower().startswith("https:") and not _is_below(value, findings.http_origin):
        findings.add(place, "Must be an HTTPS URL")


def link(value: object, place: str, findings: Findings) -> None:
    """What a tap opens. https://developers.line.biz/en/reference/messaging-api/#uri-action"""
    if not isinstance(value, str) or not _LINK.fullmatch(value):
        findings.add(place, _INVALID if value else "May not be empty")
    elif len(value) > _LINK_LENGTH:
        findings.add(place, f"Length must be between 1 and {_LINK_LENGTH}")


def _is_below(url: str, origin: str) -> bool:
    return bool(origin) and url.startswith(origin) and url[len(origin) : len(origin) + 1] in {"", "/", "?", "#"}
