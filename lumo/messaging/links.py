"""Addresses as LINE takes them: https, percent-encoded, not too long. Knows no Django."""

import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from lumo.messaging.limits import IMAGE_URL, URI

_NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_CHARACTERS = r"(?:[A-Za-z0-9\-._~:/@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
_CLEAN = re.compile(
    rf"https://{_HOST.pattern}(?::[0-9]{{1,4}})?(?:/{_CHARACTERS})?(?:\?{_CHARACTERS})?(?:#{_CHARACTERS})?"
)
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PATH, _QUERY = "/:@!$&'()*+,;=%~", "/?:@!$&'()*+,;=%~"
_SHOPIFY_HOST = "cdn.shopify.com"
_SHOPIFY_PATH = "/cdn/shop/"  # the same files below a shop's own domain
_IMAGE_WIDTH = "800"  # pixels; LINE takes 1,024, originals have some 3,000


def clean_link(text: str, *, base: str = "", http_origin: str = "") -> str | None:
    """What a button may open: `text` as an https address of at most 1,000 characters, None when it can't be one.

    What is relative is joined to `base`; http becomes https, except at `http_origin`, which is this installation's own
    address in the sandbox or on loopback. https://developers.line.biz/en/reference/messaging-api/#uri-action
    """
    return _clean(text, base=base, http_origin=http_origin, most=URI.most)


def clean_page(text: str, *, base: str = "", http_origin: str = "") -> str | None:
    """The same for a product's page, which still opens without its query when it is too long with it."""
    link = clean_link(text, base=base, http_origin=http_origin)
    if link or not text:
        return link
    return clean_link(re.split("[?#]", text, maxsplit=1)[0], base=base, http_origin=http_origin)


def clean_image(text: str, *, base: str = "", http_origin: str = "") -> str | None:
    """A picture's address of at most 2,000 characters, None when it can't be one; of Shopify's asked for 800 px wide.

    https://developers.line.biz/en/reference/messaging-api/#f-image
    """
    link = _clean(text, base=base, http_origin=http_origin, most=IMAGE_URL.most)
    if link is None:
        return None
    parts = urlsplit(link)
    if parts.hostname != _SHOPIFY_HOST and not parts.path.startswith(_SHOPIFY_PATH):
        return link
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in {"width", "height"}]
    smaller = urlunsplit(parts._replace(query=urlencode([*query, ("width", _IMAGE_WIDTH)])))
    return smaller if len(smaller) <= IMAGE_URL.most else link


def _clean(text: str, *, base: str, http_origin: str, most: int) -> str | None:
    text = text.strip()
    if not text or len(text) > 2 * most:
        return None
    return _clean_short(text, base, http_origin, most)


@lru_cache(maxsize=4096)
def _clean_short(text: str, base: str, http_origin: str, most: int) -> str | None:
    if not _CLEAN.fullmatch(text):
        try:
            text = _encode(_absolute(text, base), http_origin)
        except ValueError:
            return None
    return text if text and len(text) <= most else None


def _absolute(text: str, base: str) -> str:
    if text.startswith("//"):
        return f"https:{text}"
    return urljoin(f"{base}/", text) if base and not urlsplit(text).scheme else text


def _encode(text: str, http_origin: str) -> str:
    """An absolute address in the characters that URIs have; empty for one that LINE or we would not open."""
    parts = urlsplit(text)
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        return ""
    host = parts.hostname.encode("idna").decode().lower()
    if not _HOST.fullmatch(host):
        return ""
    place = f"{host}:{parts.port}" if parts.port else host
    if f"{scheme}://{place}" != http_origin:
        scheme = "https"
        place = host if parts.port in {80, 443} else place
    path, query, fragment = (_STRAY_PERCENT.sub("%25", part) for part in parts[2:])
    encoded = (quote(path, safe=_PATH), quote(query, safe=_QUERY), quote(fragment, safe=_QUERY))
    return urlunsplit((scheme, place, *encoded))
