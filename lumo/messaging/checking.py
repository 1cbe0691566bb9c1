"""What is wrong with a document before it is saved: every limit of LINE's and of ours, by block and field."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from lumo.lib.money import is_currency, read_amount
from lumo.messaging import flex, limits
from lumo.messaging.builder import PERSON_PLACEHOLDERS
from lumo.messaging.cards import CARD_PLACEHOLDERS
from lumo.messaging.contract import as_text
from lumo.messaging.documents import (
    KINDS,
    OPENS_PRODUCT,
    Block,
    Button,
    Document,
    FlexBlock,
    ImageBlock,
    PickedProduct,
    ProductsBlock,
    TextBlock,
)
from lumo.messaging.flex_filling import fill_flex, find_filled, find_misplaced
from lumo.messaging.limits import Limit
from lumo.messaging.links import clean_image, clean_link
from lumo.messaging.text import PLACEHOLDER
from lumo.messaging.triggers import TRIGGERS, find_addresses

_SAMPLE_ADDRESS = "https://shop.example/"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, in a sentence with its fix. `block` counts from 1; it is None for what is no block's."""

    block: int | None
    kind: str
    field: str
    sentence: str

    def __str__(self) -> str:
        if self.block is None:
            return f"{self.field}: {self.sentence}"
        place = _("Block %(number)d (%(kind)s), %(field)s") % {
            "number": self.block,
            "kind": self.kind,
            "field": self.field,
        }
        return f"{place}: {self.sentence}"


class DocumentInvalidError(Exception):
    """A document that can't be saved; `faults` lists all that is wrong."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = list(faults)


Found = tuple[str, str]  # field, sentence


def check(document: Document, *, http_origin: str = "") -> None:
    """Raises DocumentInvalidError with every fault of a document. `http_origin`: see `links`."""
    faults = list(_find_faults(document, http_origin))
    if faults:
        raise DocumentInvalidError(faults)


def _find_faults(document: Document, http_origin: str) -> Iterator[Fault]:
    for field, sentence in _of_the_whole(document, http_origin):
        yield Fault(None, "", field, sentence)
    checker = _Checker(document, http_origin)
    for number, block in enumerate(document.blocks[: limits.MESSAGES.most], 1):
        for field, sentence in _CHECKS[type(block)](checker, block):
            yield Fault(number, KINDS[type(block)], field, sentence)


def _of_the_whole(document: Document, http_origin: str) -> Iterator[Found]:
    if not 1 <= len(document.blocks) <= limits.MESSAGES.most:
        yield "blocks", _("A message has 1 to %(most)d blocks.") % {"most": limits.MESSAGES.most}
    triggers = sorted({block.trigger for block in document.product_blocks() if block.trigger})
    if len(triggers) > 1:
        yield "blocks", _("All cards must show the products of one trigger: a Flow has one.")
    checker = _Checker(document, http_origin)
    yield from checker.text("notification", document.notification, limits.NOTIFICATION)
    if document.currency and not is_currency(document.currency):
        yield "currency", _("A currency has a code of three letters, such as JPY.")
    if document.shop_url:
        yield from checker.link("shop_url", document.shop_url)
    for name, value in document.defaults.items():
        yield from checker.default(name, value)


class _Checker:
    """Finds faults in parts of one document."""

    def __init__(self, document: Document, http_origin: str) -> None:
        self._document = document
        self._http_origin = http_origin
        trigger = document.trigger()
        self._addresses = tuple(find_addresses(trigger if trigger in TRIGGERS else ""))
        self._placeholders = (*PERSON_PLACEHOLDERS, *self._addresses)

    def text(self, field: str, text: str, limit: Limit, *, more: Sequence[str] = ()) -> Iterator[Found]:
        """A text with placeholders: not too long as typed, every placeholder known."""
        if not limit.allows(text):
            yield field, _too_long(text, limit)
        known = (*self._placeholders, *more)
        for name in dict.fromkeys(PLACEHOLDER.findall(text)):
            if name not in known:
                listed = " ".join(f"{{{one}}}" for one in known)
                yield (
                    field,
                    _("{%(name)s} has no meaning here. Placeholders are: %(known)s")
                    % {
                        "name": name,
                        "known": listed,
                    },
                )

    def required(self, field: str, text: str) -> Iterator[Found]:
        if not text.strip():
            yield field, _("This is needed.")

    def link(self, field: str, address: str) -> Iterator[Found]:
        if PLACEHOLDER.search(address) or clean_link(address, http_origin=self._http_origin) is None:
            yield (
                field,
                _("This must be an address that begins with https://, of at most %(most)d characters.")
                % {"most": limits.URI.most},
            )

    def image(self, field: str, address: str) -> Iterator[Found]:
        if clean_image(address, base=self._document.shop_url, http_origin=self._http_origin) is None:
            yield (
                field,
                _("A picture needs an address that begins with https://, of at most %(most)d characters.")
                % {"most": limits.IMAGE_URL.most},
            )

    def default(self, name: str, value: str) -> Iterator[Found]:
        field = f"defaults.{name}"
        if name in self._addresses:
            yield from self.link(field, value)
        elif name not in PERSON_PLACEHOLDERS:
            listed = " ".join(self._placeholders)
            yield field, _("There is no such placeholder. Placeholders are: %(known)s") % {"known": listed}
        elif not limits.PERSON_NAME.allows(value):
            yield field, _too_long(value, limits.PERSON_NAME)

    def button(self, field: str, button: Button) -> Iterator[Found]:
        yield from self.required(f"{field}.text", button.text)
        if not limits.FLEX_LABEL.allows(button.text):
            yield f"{field}.text", _too_long(button.text, limits.FLEX_LABEL)
        if PLACEHOLDER.search(button.text):
            yield f"{field}.text", _("A button's text takes no placeholders.")
        if PLACEHOLDER.search(button.opens):
            yield from self.address(f"{field}.opens", button.opens)
        elif button.opens != OPENS_PRODUCT:
            yield from self.link(f"{field}.opens", button.opens)
        if button.otherwise:
            yield from self.link(f"{field}.otherwise", button.otherwise)

    def address(self, field: str, text: str) -> Iterator[Found]:
        """A placeholder that is to hold an address, and is all of it."""
        whole = PLACEHOLDER.fullmatch(text)
        if whole is None or whole[1] not in self._addresses:
            listed = " ".join(f"{{{name}}}" for name in self._addresses) or "–"
            yield (
                field,
                _("This is no address that the trigger has. Write an https address, or the whole of one of: %(known)s")
                % {"known": listed},
            )

    def picked(self, field: str, products: Sequence[PickedProduct], button: Button | None) -> Iterator[Found]:
        if not 1 <= len(products) <= limits.CARD_PRODUCTS.most:
            yield field, _("Choose 1 to %(most)d products.") % {"most": limits.CARD_PRODUCTS.most}
        for number, product in enumerate(products, 1):
            place = f"{field}[{number}]"
            yield from self.required(f"{place}.name", product.name)
            for name, text in (("name", product.name), ("variant", product.variant)):
                if not limits.PRODUCT_NAME.allows(text):
                    yield f"{place}.{name}", _too_long(text, limits.PRODUCT_NAME)
            if product.image:
                yield from self.image(f"{place}.image", product.image)
            if product.url:
                yield from self._page(f"{place}.url", product.url)
            elif button and button.opens == OPENS_PRODUCT and not button.otherwise:
                yield f"{place}.url", _("The button opens the product's page, so the product needs its address.")
            for name, price in (("price", product.price), ("compare_at", product.compare_at)):
                if price != "" and read_amount(as_text(price)) is None:
                    yield f"{place}.{name}", _("A price is a number, such as 3960.")

    def _page(self, field: str, address: str) -> Iterator[Found]:
        if clean_link(address, base=self._document.shop_url, http_origin=self._http_origin) is None:
            yield from self.link(field, address)


def _check_text(checker: _Checker, block: TextBlock) -> Iterator[Found]:
    yield from checker.required("text", block.text)
    yield from checker.text("text", block.text, limits.TEXT)


def _check_image(checker: _Checker, block: ImageBlock) -> Iterator[Found]:
    yield from checker.image("url", block.url)
    if block.preview_url:
        yield from checker.image("preview_url", block.preview_url)


def _check_products(checker: _Checker, block: ProductsBlock) -> Iterator[Found]:
    if bool(block.trigger) == bool(block.products):
        yield "trigger", _("Name a trigger, or list products: exactly one of the two.")
    if block.trigger and block.trigger not in TRIGGERS:
        yield "trigger", _("There is no such trigger. Triggers are: %(known)s") % {"known": ", ".join(TRIGGERS)}
    yield from checker.required("title", block.title)
    yield from checker.text("title", block.title, limits.CARD_TITLE, more=CARD_PLACEHOLDERS)
    yield from checker.text("body", block.body, limits.CARD_BODY, more=CARD_PLACEHOLDERS)
    if not 1 <= block.max <= limits.CARD_PRODUCTS.most:
        yield "max", _("A card shows 1 to %(most)d products.") % {"most": limits.CARD_PRODUCTS.most}
    if block.button:
        yield from checker.button("button", block.button)
    if block.products:
        yield from checker.picked("products", block.products, block.button)
    if block.fallback:
        yield from checker.picked("fallback.products", block.fallback.products, block.fallback.button)
        if block.fallback.button:
            yield from checker.button("fallback.button", block.fallback.button)


def _check_flex(checker: _Checker, block: FlexBlock) -> Iterator[Found]:
    yield from checker.required("alt_text", block.alt_text)
    yield from checker.text("alt_text", block.alt_text, limits.ALT_TEXT)
    contents = block.contents
    if not flex.is_too_deep(contents):
        yield from _check_placeholders(checker, contents)
        contents = _filled(contents)
    found = flex.find_fault(contents)
    if found:
        field = ".".join(part for part in ("contents", found.path) if part)
        yield field, _explain(found)


def _check_placeholders(checker: _Checker, contents: Any) -> Iterator[Found]:
    for name, text in find_filled(contents):
        if name == "uri":
            yield from checker.address("contents.uri", text)
        else:
            yield from checker.text("contents.text", text, limits.CAROUSEL_SIZE)
    for path, text in find_misplaced(contents):
        yield (
            f"contents.{path}",
            _("Placeholders stand in the words of a text, or are the whole of a uri. Not so: %(text)s")
            % {"text": text},
        )


def _filled(contents: Any) -> Any:
    """Flex JSON as it is sent, every placeholder with a value: so LINE's rules hold for what they become."""
    names = {name for _field, text in find_filled(contents) for name in PLACEHOLDER.findall(text)}
    return fill_flex(contents, dict.fromkeys(names, _SAMPLE_ADDRESS))


def _explain(found: flex.FlexFault) -> str:
    """A fault in Flex JSON in words; the pattern of a type says nothing to a person."""
    name = found.path.rpartition(".")[2]
    expected = found.expected.partition(" matching regex")[0]
    if expected == found.expected:
        return _("LINE would refuse this. %(expected)s.") % {"expected": expected}
    if name == "uri":
        return _("LINE would refuse this. Write an address with https, http, line or tel, percent-encoded.")
    if name in {"url", "previewUrl"}:
        return _("LINE would refuse this. Write an address with https, percent-encoded.")
    if name.lower().endswith("color"):
        return _("LINE would refuse this. Write a colour such as #06C755.")
    return _("LINE would refuse this. Write one of LINE's words, such as md, or a length such as 12px.")


def _too_long(text: str, limit: Limit) -> str:
    return _("This is too long: %(length)d of at most %(most)d %(unit)s.") % {
        "length": limit.measure(text),
        "most": limit.most,
        "unit": _UNITS[limit.unit](),
    }


_UNITS: dict[str, Callable[[], str]] = {
    "UTF-16 units": lambda: _("characters, as LINE counts: most emoji are two"),
    "graphemes": lambda: _("characters"),
    "characters": lambda: _("characters"),
    "bytes": lambda: _("bytes"),
}

_CHECKS: dict[type[Block], Callable[[_Checker, Any], Iterator[Found]]] = {
    TextBlock: _check_text,
    ImageBlock: _check_image,
    ProductsBlock: _check_products,
    FlexBlock: _check_flex,
}
