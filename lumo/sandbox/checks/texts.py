"""Text messages, with LINE's emoji and with placeholders.

https://developers.line.biz/en/reference/messaging-api/#text-message and #text-message-v2.
"""

import re
from typing import Any

from lumo.sandbox.checks.rules import Findings, fields, integer, items, matching, tagged, text

TEXT = text(1, 5000)
_EMOJIS = 20
_SUBSTITUTIONS, _EACH_SUBSTITUTION = 100, 20
_KEY = re.compile(r"[0-9A-Za-z_]{1,20}")
_BRACES = re.compile(rf"\{{\{{|\}}\}}|\{{({_KEY.pattern})\}}|[{{}}]")
_EMOJI = {"productId": text(1), "emojiId": text(1)}
_USER = fields({"userId": matching("U[0-9a-f]{32}", "Must be a user ID")})
_SUBSTITUTION = tagged(
    {"mention": fields({"mentionee": tagged({"user": _USER, "all": fields({})})}), "emoji": fields(_EMOJI)}
)
EMOJIS = items(fields({"index": integer(0), **_EMOJI}), 0, _EMOJIS)


def stand_for_emojis(message: dict[str, Any], place: str, findings: Findings) -> None:
    """Each emoji replaces one `$` of the text; its index counts UTF-16 units."""
    written, emojis = message.get("text"), message.get("emojis")
    if not isinstance(written, str) or not isinstance(emojis, list) or len(emojis) > _EMOJIS:
        return
    units = written.encode("utf-16-le")
    for number, emoji in enumerate(emojis):
        index = emoji.get("index") if isinstance(emoji, dict) else None
        if isinstance(index, int) and units[2 * index : 2 * index + 2] != b"$\0":
            findings.add(f"{place}.emojis[{number}].index", "Must be the index of a $ in the text")


def substitutions(value: object, place: str, findings: Findings) -> None:
    """What the placeholders stand for, by their names."""
    if not isinstance(value, dict):
        findings.add(place, "Must be an object")
        return
    if len(value) > _SUBSTITUTIONS:
        findings.add(place, f"Size must be between 0 and {_SUBSTITUTIONS}")
        return
    for key, substitution in value.items():
        if not _KEY.fullmatch(key):
            findings.add(f"{place}.{key}", "Must have a name of 1 to 20 letters, digits and underscores")
        _SUBSTITUTION(substitution, f"{place}.{key}", findings)
    types = [part.get("type") for part in value.values() if isinstance(part, dict)]
    if max(types.count("mention"), types.count("emoji")) > _EACH_SUBSTITUTION:
        findings.add(place, f"Must have at most {_EACH_SUBSTITUTION} mentions and {_EACH_SUBSTITUTION} emojis")


def pair_braces(message: dict[str, Any], place: str, findings: Findings) -> None:
    """Every `{name}` has its substitution; other braces are doubled."""
    written, known = message.get("text"), message.get("substitution")
    if not isinstance(written, str):
        return
    names = known if isinstance(known, dict) else {}
    for brace in _BRACES.finditer(written):
        if brace[0] in "{}" or (brace[1] is not None and brace[1] not in names):
            findings.add(f"{place}.text", "Must have a substitution for each placeholder, and other braces doubled")
            return
