"""Get JSON: the request body to paste into a Webhook action (DESIGN §4). Knows no Django.

It is JSON before and after Klaviyo renders it, for every profile and event: every value is quoted, tags hold single
quotes only, free text is percent-encoded. Klaviyo escapes HTML or not; `esc` tells which.
"""

import json
import re
from collections.abc import Iterable, Mapping

import msgspec

from lumo.messaging.documents import Document, FlexBlock, ImageBlock, ProductsBlock, TextBlock
from lumo.messaging.text import PLACEHOLDER
from lumo.messaging.triggers import NUMBERS, TRIGGERS, Paths, find_addresses

_EXAMPLE = "Thank you, {first_name}."
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9_]*|\d+")
_FIRST_NAME = "{{ person.first_name|default:''|urlencode }}"
_SHOP_URL = "{{ organization.url|default:''|urlencode }}"


class Needs(msgspec.Struct, frozen=True):
    """What a body must carry for a message: its trigger template, empty for none, the placeholders it fills, and the
    fields of its product slots.

    A placement remembers what its body carries; the two together tell whether it must be pasted anew.
    """

    trigger: str
    placeholders: frozenset[str]
    fields: frozenset[str]

    def are_met_by(self, carried: "Needs") -> bool:
        """Whether a body that carries this is enough."""
        is_same = self.trigger in {"", carried.trigger}
        return is_same and self.placeholders <= carried.placeholders and self.fields <= carried.fields


def find_needs(document: Document) -> Needs:
    """What the message uses of what a request brings."""
    known = {"first_name", *find_addresses(document.trigger())}
    used = {name for text in _texts(document) for name in PLACEHOLDER.findall(text)}
    return Needs(document.trigger(), frozenset(used & known), _fields(document.trigger()))


def find_carried(document: Document) -> Needs:
    """What the body of a message carries: all that its trigger offers, so that few edits need a new paste."""
    trigger = document.trigger()
    return Needs(trigger, frozenset({"first_name", *find_addresses(trigger)}), _fields(trigger))


def recipient_tag(number: int) -> str:
    """Klaviyo's tag for a customer's LINE user id in the account of this number; the first has the bare name."""
    suffix = "" if number == 1 else f" {number}"
    return f"{{{{ person|lookup:'LINE User ID{suffix}' }}}}"


def build_message_body(document: Document, *, message: str, placement: str, account: str, number: int) -> str:
    """The body for an Auto Send Message, from the account of this public id and number."""
    trigger = document.trigger()
    fields: dict[str, object] = {
        "account": account,
        "message": message,
        "placement": placement,
        **_common(number),
        "variables": _variables(trigger),
    }
    if trigger:
        fields["products"] = [_slot(paths) for paths in TRIGGERS[trigger].slots()]
    return _lay_out(fields)


def build_direct_text_body(*, account: str, number: int, text: str = _EXAMPLE) -> str:
    """The body that sends `text` from the account of this public id and number."""
    return _lay_out({"account": account, "text": text, **_common(number), "variables": _variables("")})


def tag(paths: Paths, *, is_number: bool = False) -> str:
    """Klaviyo's tags for the first of these event paths that has a value, percent-encoded; empty when none has.

    0 is a value of a number, though no true one to a template.
    """
    *others, last = [_expression(path) for path in paths]
    text = f"{{{{ {last}|urlencode }}}}"
    for expression in reversed(others):
        condition = f"{expression} or {expression} == 0" if is_number else expression
        text = f"{{% if {condition} %}}{{{{ {expression}|urlencode }}}}{{% else %}}{text}{{% endif %}}"
    return text


def _texts(document: Document) -> Iterable[str]:
    """Every text of a document in which placeholders stand."""
    yield document.notification
    for block in document.blocks:
        if isinstance(block, TextBlock):
            yield block.text
        elif isinstance(block, ProductsBlock):
            yield from (block.title, block.body)
            buttons = (block.button, block.fallback.button if block.fallback else None)
            yield from (button.opens for button in buttons if button)
        elif isinstance(block, FlexBlock):
            yield block.alt_text
            yield msgspec.json.encode(block.contents).decode()
        else:
            assert isinstance(block, ImageBlock)


def _common(number: int) -> dict[str, str]:
    return {
        "to": recipient_tag(number),
        "profile": "{{ person.KlaviyoID }}",
        "event": "{{ event|lookup:'$event_id'|urlencode }}",  # whoever sends an event may choose its id
        "enc": "urlencode",
        "esc": "{{ 'a&b'|upper }}",
    }


def _variables(trigger: str) -> dict[str, str]:
    addresses = {name: tag(paths) for name, paths in find_addresses(trigger).items()}
    variables = {"first_name": _FIRST_NAME, **addresses}
    if trigger:
        variables |= {"currency": tag(TRIGGERS[trigger].currency), "shop_url": _SHOP_URL}
    return variables


def _slot(paths: Mapping[str, Paths]) -> dict[str, str]:
    return {name: tag(one, is_number=name in NUMBERS) for name, one in paths.items()}


def _fields(trigger: str) -> frozenset[str]:
    return frozenset(name for slot in TRIGGERS[trigger].slots() for name in slot) if trigger else frozenset()


def _expression(path: str) -> str:
    """A path as Klaviyo reads it: dotted, or by `lookup` where a name has a space or a dollar sign.

    After a `lookup` every later step must be one too.
    """
    plain, looked_up = "event", ""
    for step in path.split("."):
        if not looked_up and _STEP.fullmatch(step):
            plain += f".{step}"
        else:
            looked_up += f"|lookup:'{step}'"
    return plain + looked_up


def _lay_out(fields: Mapping[str, object]) -> str:
    """JSON with a field a line, and a line for each product."""
    return (
        "{\n" + ",\n".join(f"  {json.dumps(name)}: {_lay_out_value(value)}" for name, value in fields.items()) + "\n}"
    )


def _lay_out_value(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(f"    {_dump(item)}" for item in value) + "\n  ]"
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"    {_dump(name)}: {_dump(item)}" for name, item in value.items()) + "\n  }"
    return _dump(value)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
