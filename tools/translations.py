"""The Japanese catalogue: `python -m tools.translations update`, `check` or `compile`.

Babel does the work, because a fresh machine has Python and no xgettext.
"""

import io
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

SOURCES = Path(__file__).resolve().parent.parent / "lumo"
CATALOGUE = SOURCES / "locale" / "ja" / "LC_MESSAGES" / "django.po"

# Babel's own header has dates and a version in it, so that every two branches would conflict.
_HEADER = rb"""# What Lumo shows, in Japanese. `make messages` adds what is new and drops what is gone.
msgid ""
msgstr ""
"Project-Id-Version: Lumo\n"
"Language: ja\n"
"Plural-Forms: nplurals=1; plural=0;\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""
_METHODS = [
    ("**/tests/**", "ignore"),
    ("**/migrations/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "tools.translations:extract_template"),
]
_KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# Of %(count)d and %d the first group is the name, empty where there is none; of {count} the second is.
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?[.\d]*[dfirsx]|%%|(\{[^{}]*\})")


@click.group
def main() -> None:
    """Keep the Japanese catalogue."""


@main.command
def update() -> None:
    """Bring the catalogue up to date with the code, and say what has no Japanese yet."""
    for line in update_catalogue(collect_messages()):
        click.echo(line)


@main.command
def check() -> None:
    """Name every message without a sound translation. Exit status 1 when there is one."""
    faults = find_faults(collect_messages(), read_catalogue())
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        click.echo("Run `make messages`, then write the Japanese into the catalogue.", err=True)
        sys.exit(1)


@main.command("compile")
def compile_() -> None:
    """Write django.mo beside the catalogue, where it is missing or older."""
    compile_catalogue()


def collect_messages(sources: Path = SOURCES) -> Catalog:
    """Every message in the Python files and templates below `sources`, in the order of the files."""
    used = Catalog()
    found = extract_from_dir(sources, _METHODS, keywords=_KEYWORDS, comment_tags=["Translators:"])
    for file, line, text, comments, context in found:
        used.add(text, locations=[(f"{sources.name}/{file}", line)], auto_comments=comments, context=context)
    return used


def extract_template(
    template: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Any
) -> Iterator[tuple[Any, ...]]:
    """Babel's extractor for a Django template: takes and yields what `babel.messages.extract.extract_python` does."""
    source = templatize(template.read().decode())
    # What templatize leaves of a page is indented as no Python may be, which is allowed inside brackets only.
    return extract_python(io.BytesIO(f"({source}\n)".encode()), keywords, comment_tags, options)


def read_catalogue(path: Path = CATALOGUE) -> Catalog:
    """The Japanese catalogue. Raises PoFileError when the file is not one."""
    with path.open("rb") as file:
        return read_po(file, locale="ja", abort_invalid=True)


def update_catalogue(used: Catalog, path: Path = CATALOGUE) -> list[str]:
    """Write the catalogue anew with exactly the messages that are used; returns its faults and what it dropped."""
    catalogue = read_catalogue(path)
    catalogue.update(used, no_fuzzy_matching=True)
    dropped = [f"dropped: {message.id!r}, in Japanese {message.string!r}" for message in catalogue.obsolete.values()]
    catalogue.obsolete.clear()
    content = io.BytesIO()
    write_po(content, catalogue, width=0, omit_header=True, sort_by_file=True, include_lineno=False)
    path.write_bytes(_HEADER + content.getvalue().rstrip() + b"\n")
    return dropped + find_faults(used, catalogue)


def find_faults(used: Catalog, catalogue: Catalog) -> list[str]:
    """A line for each message whose translation is missing, empty, fuzzy, obsolete or has other placeholders."""
    faults = []
    for message in _messages(used):
        fault = _find_fault(message, _find(message, catalogue))
        if fault:
            file, line = message.locations[0]
            faults.append(f"{file}:{line}: {fault}: {message.id!r}")
    unused = [message for message in _messages(catalogue) if not _find(message, used)]
    return faults + [f"obsolete: {message.id!r}" for message in [*unused, *catalogue.obsolete.values()]]


def compile_catalogue(path: Path = CATALOGUE) -> None:
    """Write `django.mo` beside the catalogue, where it is missing or older."""
    compiled = path.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime_ns >= path.stat().st_mtime_ns:
        return
    unfinished = compiled.with_suffix(f".{os.getpid()}.mo")  # a server may be reading the old one
    with unfinished.open("wb") as file:
        write_mo(file, read_catalogue(path))
    unfinished.replace(compiled)


def _messages(catalogue: Catalog) -> Iterable[Message]:
    """Its messages without the header, which is the translation of nothing."""
    return (message for message in catalogue if message.id)


def _find(message: Message, catalogue: Catalog) -> Message | None:
    found = catalogue.get(message.id, message.context)
    # Babel looks at the singular only: with another plural it is another message.
    return found if found and found.id == message.id else None


def _find_fault(message: Message, translated: Message | None) -> str | None:
    if translated is None:
        return "missing"
    forms = _forms(translated.string)
    if not all(forms):
        return "untranslated"
    if translated.fuzzy:
        return "fuzzy"
    # The plural has every placeholder, the singular may do without the number.
    # Babel's own checker knows no {name}, and lets a translation leave out a %(name)s.
    original = _placeholders(_forms(message.id)[-1])
    if any(_placeholders(form) != original for form in forms):
        return "other placeholders"
    return None


def _forms(text: str | Iterable[str] | None) -> list[str]:
    return [text or ""] if text is None or isinstance(text, str) else list(text)


def _placeholders(text: str) -> list[tuple[str, str, str]]:
    """Name, name in braces, whole: named ones in any order a translation likes, nameless ones in the text's own."""
    found = [(match[1] or "", match[2] or "", match[0]) for match in _PLACEHOLDER.finditer(text)]
    return sorted(found, key=itemgetter(0, 1))


if __name__ == "__main__":
    main()
