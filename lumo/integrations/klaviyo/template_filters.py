"""Klaviyo's filters on text, and the library of all filters: those that Klaviyo lists, and no other.

Django's own are Django's. https://developers.klaviyo.com/en/docs/glossary_of_variable_filters
"""

import base64
import binascii
import hashlib
import html
import re
from urllib.parse import quote_plus, unquote, unquote_plus

from django.template import Library, defaultfilters
from django.template.defaultfilters import stringfilter
from django.utils.html import escape

from lumo.integrations.klaviyo import template_dates, template_lists, template_numbers
from lumo.integrations.klaviyo.template_limits import OUTPUT_LIMIT, TemplateFault
from lumo.integrations.klaviyo.template_values import read_number

register = Library()
for _library in (template_dates, template_lists, template_numbers):
    register.filters.update(_library.register.filters)
for _name in (
    *("addslashes", "capfirst", "cut", "default", "default_if_none", "escape", "escapejs", "force_escape"),
    *("linebreaksbr", "lower", "pluralize", "safe", "striptags", "title", "upper", "urlencode"),
):
    register.filter(_name, defaultfilters.register.filters[_name])
for _name, _same in {
    "capitalize": "capfirst",
    "downcase": "lower",
    "newline_to_br": "linebreaksbr",
    "remove": "cut",
    "strip_html": "striptags",
    "upcase": "upper",
}.items():
    register.filter(_name, defaultfilters.register.filters[_same])

_FORMAT_LIMIT = 100  # characters of a pattern of stringformat, and of the width and precision in it
_PATTERN_SECONDS = 0.2


@register.filter
@stringfilter
def append(value: str, other: object) -> str:
    """The text, then the other."""
    return f"{value}{other}"


@register.filter
@stringfilter
def prepend(value: str, other: object) -> str:
    """The other, then the text."""
    return f"{other}{value}"


@register.filter
@stringfilter
def strip(value: str) -> str:
    """The text without white space at its ends."""
    return value.strip()


@register.filter
@stringfilter
def lstrip(value: str) -> str:
    """The text without white space at its start."""
    return value.lstrip()


@register.filter
@stringfilter
def rstrip(value: str) -> str:
    """The text without white space at its end."""
    return value.rstrip()


@register.filter
@stringfilter
def strip_newlines(value: str) -> str:
    """The text in one line."""
    return re.sub(r"\r\n|\r|\n", "", value)


@register.filter
@stringfilter
def truncatechars(value: str, length: object) -> str:
    """At most so many characters, the last of them an ellipsis where something is left out."""
    return _truncate(value, length)


@register.filter
@stringfilter
def truncate(value: str, length: object = 50) -> str:
    """The same, for 50 characters unless told otherwise."""
    return _truncate(value, length)


@register.filter
@stringfilter
def remove_first(value: str, part: object) -> str:
    """The text without the first occurrence of a part."""
    return value.replace(str(part), "", 1)


@register.filter
@stringfilter
def remove_last(value: str, part: object) -> str:
    """The text without the last occurrence of a part."""
    return "".join(value.rsplit(str(part), 1)) if part else value


@register.filter
@stringfilter
def find_replace(value: str, parts: object) -> str:
    """The text with each 'a' of 'a|b' replaced by 'b'. Raises TemplateFault before it is built too long."""
    old, new = _pair(parts)
    if value.count(old) * (len(new) - len(old)) + len(value) > OUTPUT_LIMIT:
        raise TemplateFault("A value grows longer than 1 MiB.")
    return value.replace(old, new) if old else value


@register.filter
@stringfilter
def replace_first(value: str, parts: object) -> str:
    """The text with the first 'a' of 'a|b' replaced by 'b'."""
    old, new = _pair(parts)
    return value.replace(old, new, 1) if old else value


@register.filter
@stringfilter
def replace_last(value: str, parts: object) -> str:
    """The text with the last 'a' of 'a|b' replaced by 'b'."""
    old, new = _pair(parts)
    return new.join(value.rsplit(old, 1)) if old else value


@register.filter
@stringfilter
def split(value: str, separator: object = " ") -> list[str]:
    """The text's parts between separators."""
    return value.split(str(separator)) if separator else [value]


@register.filter
@stringfilter
def resplit(value: str, pattern: object) -> list[str]:
    """The text's parts between matches of a regular expression. Raises TemplateFault when that takes too long."""
    import regex  # here: it would take a tenth of the child's start, and hardly any template needs it

    try:
        return [part or "" for part in regex.split(str(pattern), value, timeout=_PATTERN_SECONDS)]
    except regex.error:
        raise TemplateFault(f"resplit can't read the regular expression {str(pattern)!r:.80}.") from None
    except TimeoutError:
        raise TemplateFault("The regular expression of resplit takes too long.") from None


@register.filter
@stringfilter
def escape_once(value: str) -> str:
    """HTML's special characters escaped, those that were escaped already left alone."""
    return escape(html.unescape(value))


@register.filter
@stringfilter
def urlencodeplus(value: str) -> str:
    """Percent-encoded, spaces as plus signs."""
    return quote_plus(value)


@register.filter
@stringfilter
def urldecode(value: str) -> str:
    """Percent-decoded."""
    return unquote(value)


@register.filter
@stringfilter
def urldecodeplus(value: str) -> str:
    """Percent-decoded, plus signs as spaces."""
    return unquote_plus(value)


@register.filter
@stringfilter
def base64_encode(value: str) -> str:
    """The text's UTF-8 in Base64."""
    return base64.b64encode(value.encode()).decode()


@register.filter
@stringfilter
def base64_decode(value: str) -> str:
    """The text whose UTF-8 is given in Base64; nothing where it is not Base64."""
    return _decode(value, "+/")


@register.filter
@stringfilter
def base64_url_safe_encode(value: str) -> str:
    """The text's UTF-8 in Base64 with - and _."""
    return base64.urlsafe_b64encode(value.encode()).decode()


@register.filter
@stringfilter
def base64_url_safe_decode(value: str) -> str:
    """The text whose UTF-8 is given in Base64 with - and _; nothing where it is not."""
    return _decode(value, "-_")


@register.filter
@stringfilter
def md5_hash(value: str) -> str:
    """The MD5 of the text's UTF-8 in hexadecimal."""
    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


@register.filter
@stringfilter
def sha_1(value: str) -> str:
    """The SHA-1 of the text's UTF-8 in hexadecimal."""
    return hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()


@register.filter
@stringfilter
def sha_256(value: str) -> str:
    """The SHA-256 of the text's UTF-8 in hexadecimal."""
    return hashlib.sha256(value.encode()).hexdigest()


@register.filter
@stringfilter
def httpize(value: str) -> str:
    """The address with http:// before it, in place of any other such start."""
    return _with_scheme(value, "http")


@register.filter
@stringfilter
def httpsize(value: str) -> str:
    """The address with https:// before it, in place of any other such start."""
    return _with_scheme(value, "https")


@register.filter
@stringfilter
def trim_slash(value: str) -> str:
    """The text without slashes at its end."""
    return value.rstrip("/")


@register.filter(is_safe=True)
def stringformat(value: object, pattern: object) -> str:
    """The value by a pattern of Python's % without its %. Raises TemplateFault for widths over 100."""
    widths = re.findall(r"\d+", str(pattern))
    if len(str(pattern)) > _FORMAT_LIMIT or any(len(width) > 3 or int(width) > _FORMAT_LIMIT for width in widths):
        raise TemplateFault(f"stringformat can't make a value wider than {_FORMAT_LIMIT} characters.")
    return defaultfilters.stringformat(value, str(pattern))


@register.filter
def yesno(value: object, words: object = "yes,no,maybe") -> object:
    """The word for true, false or null, out of three, or out of two with null as false."""
    yes, no, *others = [*str(words).split(","), ""]
    if value is None and others[0]:
        return others[0]
    return yes if value else no


@register.filter
def missing_image(value: object) -> object:
    """The address of an image. Klaviyo puts its own picture where there is none; Lumo shows nothing there."""
    return value


register.filter("missing_product_image", missing_image)


def _truncate(value: str, length: object) -> str:
    limit = read_number(length)
    if limit is None or len(value) <= limit:
        return value
    return value[: max(int(limit) - 1, 0)] + "…" if limit > 0 else ""


def _pair(parts: object) -> tuple[str, str]:
    old, bar, new = str(parts).partition("|")
    if not bar:
        raise TemplateFault("Replacing takes both texts in one argument with a bar between them: 'old|new'.")
    return old, new


def _decode(value: str, signs: str) -> str:
    try:
        padded = value + "=" * (-len(value) % 4)
        return base64.b64decode(padded, altchars=signs, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""


def _with_scheme(value: str, scheme: str) -> str:
    return f"{scheme}://{re.sub('^([a-z]+:)?//', '', value, flags=re.IGNORECASE)}" if value else ""
