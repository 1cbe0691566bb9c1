"""Auto Send Messages as files, YAML or JSON: docs/guides/messages.md describes the format."""

import re
from contextlib import suppress
from typing import Any

import msgspec
import yaml
from django.utils.translation import gettext as _

from lumo.lib.errors import NotPossibleError
from lumo.messaging import contract, documents
from lumo.messaging.documents import Document

MOST_BYTES = 1_000_000
_LINES = re.compile(r"(?:[^\s#](?:.*\S)?\n\n?)+(?:[^\s#](?:.*\S)?)?")
_AT = re.compile(r" - at `\$(.*)`$")
_BLOCK = re.compile(r"\.blocks\[(\d+)\]\.?")


class MessageFile(msgspec.Struct, frozen=True):
    """A message as a file holds it. `id` is empty for one that is to be made."""

    id: str
    name: str
    document: Document


def read(content: bytes) -> MessageFile:
    """A message from a YAML or JSON file. Raises NotPossibleError with the place of what is wrong."""
    fields = _parse(content)
    if not isinstance(fields, dict):
        raise NotPossibleError(_("The file must hold one message: name, blocks and so on."))
    message_id, name = fields.pop("id", ""), fields.pop("name", "")
    for block in _list(fields.get("blocks")):
        _parse_contents(block)
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(message_id, str) or not isinstance(name, str):
        raise NotPossibleError(_("The fields id and name of the file must be text."))
    try:
        document = msgspec.convert(fields, Document)
        stored = msgspec.json.encode([message_id, name, document])
    except msgspec.ValidationError as error:
        raise NotPossibleError(_told(str(error))) from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:  # such as half a surrogate pair
        raise NotPossibleError(_("The file holds what is no text: %(why)s.") % {"why": error}) from error
    if contract.has_nul(msgspec.json.decode(stored)):
        raise NotPossibleError(_("The file contains the character U+0000, which no message can show."))
    return MessageFile(message_id, name, document)


def write(message: MessageFile, *, as_json: bool) -> str:
    """The file that `read` makes the message of again."""
    fields = {"id": message.id, "name": message.name, **documents.to_builtins(message.document)}
    if as_json:
        return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode() + "\n"
    return yaml.dump(fields, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parse_contents(block: Any) -> None:
    """Flex JSON that was pasted into YAML as a text becomes what it says."""
    contents = block.get("contents") if isinstance(block, dict) else None
    if isinstance(contents, str):
        try:
            block["contents"] = msgspec.json.decode(contents)
        except (msgspec.DecodeError, RecursionError) as error:
            raise NotPossibleError(
                _("The contents of a block of type flex are not JSON: %(why)s.") % {"why": error}
            ) from error


def _parse(content: bytes) -> Any:
    if len(content) > MOST_BYTES:
        raise NotPossibleError(_("The file is larger than 1 MB."))
    with suppress(msgspec.DecodeError, RecursionError):  # not every JSON is YAML
        return msgspec.json.decode(content)
    try:
        return yaml.load(content.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise NotPossibleError(_("The file is not UTF-8 text.")) from error
    except RecursionError as error:
        raise NotPossibleError(_("The file is nested too deeply.")) from error
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:  # a date that is none, …
        raise NotPossibleError(_("The file is neither YAML nor JSON: %(why)s.") % {"why": _place(error)}) from error


def _place(error: Exception) -> str:
    """What is wrong in a file that can't be parsed, and where."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error).partition("\n")[0].rstrip(".")
    mark = error.problem_mark
    place = _("line %(line)d, column %(column)d") % {"line": mark.line + 1, "column": mark.column + 1}
    return f"{error.problem}, {place}"


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: 4:3 and 2026-01-01 and no are words, not minutes, days and booleans.

    Without anchors, by which a small file can be a huge one, and without the same field twice.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (as the base class has it)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        names = set()
        for key_node, _value in node.value:
            name = self.construct_object(key_node, deep=True)
            if not isinstance(name, str) or name in names:
                words = "a field's name must be text" if not isinstance(name, str) else f"{name} is there twice"
                raise yaml.constructor.ConstructorError(None, None, words, key_node.start_mark)
            names.add(name)
        return super().construct_mapping(node, deep=deep)


for _tag, _pattern, _beginnings in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^({_pattern})$"), _beginnings)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they read, where YAML can hold them so."""

    def represent_str(self, text: str) -> Any:
        is_plain = text.replace("\n", "").isprintable()
        style = '"' if not is_plain else "|" if _LINES.fullmatch(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)


def _told(message: str) -> str:
    """A type fault of msgspec's with its place in our words: `Block 2, button.text: Expected str, got int.`"""
    match = _AT.search(message)
    words = _AT.sub("", message).replace("`", "")
    if words.startswith("Expected str, got "):
        words = _("%(fault)s – write it in quotes") % {"fault": words}
    path = match[1] if match else ""
    block = _BLOCK.match(path)
    if block is None:
        field = path.lstrip(".")
        return f"{field}: {words}." if field else f"{words}."
    field = path[block.end() :]
    place = _("Block %(number)d") % {"number": int(block[1]) + 1}
    return f"{place}, {field}: {words}." if field else f"{place}: {words}."
