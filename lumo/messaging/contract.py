"""The body that a Klaviyo Flow posts (DESIGN §4): forgiving in form, strict in meaning.

`read` turns bytes into a FlowBody or says where they break; `find_fault` names the first permanent fault that the
body itself shows. Klaviyo renders the body as a Django template, so names with quotes or line breaks, HTML
entities and numbers as strings all arrive here.
"""

import hashlib
import html
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from lumo.messaging.limits import TEXT

Scalar = str | int | float | bool | None

_RECIPIENT = re.compile(r"U[0-9a-f]{32}")  # developers.line.biz/en/docs/messaging-api/getting-user-ids
_JSON_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # unclosed ones too: else each quote is tried anew
_CONTROL = re.compile(rb"[\x01-\x1f]")
_POSITION = re.compile(r"\(byte (\d+)\)")
_ESCAPED_CANARY = "A&amp;B"  # what {{ 'a&b'|upper }} becomes where Klaviyo escapes HTML


class BodyInvalidError(Exception):
    """The body is not a JSON object of the contract; the message says line and column, or the path."""


class ProductSlot(msgspec.Struct, frozen=True):
    """A product as it arrived: an empty slot where all is empty. `lumo.messaging.products` makes sense of it.

    `price` is that of a unit, `cents` the same in hundredths, `line_price` that of `quantity` units.
    """

    id: Scalar = None
    variant: Scalar = None
    title: Scalar = None
    variant_title: Scalar = None
    image: Scalar = None
    url: Scalar = None
    handle: Scalar = None
    price: Scalar = None
    cents: Scalar = None
    line_price: Scalar = None
    quantity: Scalar = None
    compare_at: Scalar = None


class FlowBody(msgspec.Struct, frozen=True):
    """The known fields, as they arrived. Others are ignored."""

    to: Scalar = None
    account: Scalar = None
    text: Scalar = None
    message: Scalar = None
    placement: Scalar = None
    profile: Scalar = None
    event: Scalar = None
    enc: Scalar = None
    esc: Scalar = None
    dedupe: Scalar = None
    variables: dict[str, Scalar] | None = None
    products: list[ProductSlot] | None = None

    def recipient(self) -> str:
        """The LINE user id, stripped."""
        return as_text(self.to).strip()

    def direct_text(self) -> str:
        """The text to send, before placeholders are filled; empty when the body names a message instead."""
        return self._unescape(as_text(self.text))

    def values(self) -> dict[str, str]:
        """The variables as text: HTML unescaped where Klaviyo escaped it, then percent-decoded where `enc` says so."""
        decode = self.decoder()
        return {name: decode(as_text(value)) for name, value in (self.variables or {}).items()}

    def message_id(self) -> str:
        """The public id of the Auto Send Message that is named, stripped; empty when the body has a text instead."""
        return as_text(self.message).strip()

    def decoder(self) -> Callable[[str], str]:
        """How values of `variables` and `products` become text. Always one of the same four functions."""
        return _DECODERS[self.enc == "urlencode", self.esc == _ESCAPED_CANARY]

    def _unescape(self, value: str) -> str:
        return _unescape_html(value) if self.esc == _ESCAPED_CANARY else value


def _unescape_html(value: str) -> str:
    try:
        return html.unescape(value)
    except ValueError:  # a number of thousands of digits, which is no character
        return value


def _unquote(value: str) -> str:
    return unquote(value).replace("\0", "") if "%" in value else value


_DECODERS: dict[tuple[bool, bool], Callable[[str], str]] = {
    (False, False): str,
    (False, True): _unescape_html,
    (True, False): _unquote,
    (True, True): lambda value: _unquote(_unescape_html(value)),
}


_decoder = msgspec.json.Decoder(FlowBody)


def read(body: bytes) -> FlowBody:
    """The body as a FlowBody: strictly first, then once more with raw control characters escaped.

    Raises BodyInvalidError.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        body.decode()  # the decoder skips what is in fields it does not know
        return _without_nul(body, _decoder.decode(body))
    except msgspec.ValidationError as error:
        raise BodyInvalidError(_type_fault(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _read_tolerantly(body, error)


def _read_tolerantly(body: bytes, first_error: Exception) -> FlowBody:
    repaired = _JSON_STRING.sub(_escape_controls, body)
    if repaired == body:
        raise BodyInvalidError(_position(body, first_error)) from None
    try:
        return _without_nul(repaired, _decoder.decode(repaired))
    except msgspec.ValidationError as error:
        raise BodyInvalidError(_type_fault(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BodyInvalidError(_position(body, first_error)) from None


def find_fault(body: FlowBody, *, accounts: Mapping[str, int], messages: Collection[str] = ()) -> str | None:
    """The code of the first permanent fault, in the contract's order; None when a worker can take it from here.

    `accounts` maps the public ids of the workspace's LINE accounts to their row ids; `messages` has the public ids of
    its Auto Send Messages that are not archived.
    """
    recipient = body.recipient()
    if recipient in {"", "None"}:
        return "recipient_missing"
    if _is_unmerged(recipient):
        return "recipient_not_merged"
    if not _RECIPIENT.fullmatch(recipient):
        return "recipient_invalid"
    if resolve_account(body, accounts=accounts) is None:
        return "account_unknown"
    has_text, message = bool(as_text(body.text).strip()), body.message_id()
    if has_text == bool(message):
        return "body_incomplete"
    if message:
        return None if message in messages else "message_unknown"
    if not TEXT.allows(body.direct_text()):
        return "text_too_long"
    return None


def resolve_account(body: FlowBody, *, accounts: Mapping[str, int]) -> int | None:
    """The row id of the LINE account that the body names, or of the only one when it names none."""
    name = as_text(body.account).strip()
    if name:
        return accounts.get(name)
    return next(iter(accounts.values())) if len(accounts) == 1 else None


def dedupe_key(body: FlowBody, raw: bytes, *, connection_id: int, flow_id: str, account_id: int) -> bytes:
    """16 bytes that are equal for a repeated request and for nothing else (DESIGN §4 "Dedupe")."""
    explicit = as_rendered(body.dedupe)
    if explicit:
        parts = [str(connection_id), flow_id, "explicit", explicit]
    else:
        content = as_rendered(body.placement) or _digest([as_text(body.message), as_text(body.text)]).hex()
        event = as_rendered(body.event) or hashlib.blake2b(raw, digest_size=16).hexdigest()
        profile = as_rendered(body.profile)
        parts = [str(connection_id), flow_id, str(account_id), body.recipient(), content, profile, event]
    return _digest(parts)


def as_text(value: Scalar) -> str:
    """A scalar as the text that the marketer meant: null is nothing, 3.0 is 3."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def as_rendered(value: Scalar) -> str:
    """The same, stripped, of a field that a tag fills: nothing where the tag had no value, or was left as typed."""
    text = as_text(value).strip()
    return "" if text == "None" or _is_unmerged(text) else text


def _is_unmerged(text: str) -> bool:
    return "{{" in text or "{%" in text


def _digest(parts: list[str]) -> bytes:
    joined = b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)
    return hashlib.blake2b(joined, digest_size=16).digest()


def _escape_controls(match: re.Match[bytes]) -> bytes:
    return _CONTROL.sub(lambda control: b"\\u%04x" % control[0][0], match[0])


def _without_nul(raw: bytes, body: FlowBody) -> FlowBody:
    """PostgreSQL stores no NUL in text, and nobody means one."""
    if b"\\u0000" in raw and has_nul(msgspec.json.decode(raw)):
        raise BodyInvalidError("The body contains the character U+0000, which no message can show.")
    return body


def has_nul(value: Any) -> bool:
    """Whether any text in plain JSON objects has a U+0000, names included. Without recursion: JSON may be deep."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and "\0" in item:
            return True
        if isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False


def _type_fault(error: msgspec.ValidationError) -> str:
    return f"{error}.".replace("`", "")


def _position(body: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "The body is nested too deeply."
    if isinstance(error, UnicodeDecodeError):
        return f"The body is not UTF-8 text {_place(body, error.start)}."
    match = _POSITION.search(str(error))
    words = _POSITION.sub("", str(error)).removeprefix("JSON is malformed: ").strip()
    return f"The body is not valid JSON: {words} {_place(body, int(match[1]) if match else len(body))}."


def _place(body: bytes, offset: int) -> str:
    lines = body[:offset].decode("utf-8", "replace").split("\n")
    return f"at line {len(lines)}, column {len(lines[-1]) + 1}"
