"""The Japanese catalogue: that it is complete, and that a gap in one is seen."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.utils import translation

from lumo.deliveries.explain import explain
from lumo.deliveries.reasons import Reason
from tools.translations import (
    CATALOGUE,
    collect_messages,
    compile_catalogue,
    find_faults,
    read_catalogue,
    update_catalogue,
)

ONE, MANY = "One delivery to %(name)s", "%(count)d deliveries to %(name)s"


def test_everything_that_lumo_shows_has_its_japanese() -> None:
    assert find_faults(collect_messages(), read_catalogue()) == []


def test_a_reason_is_told_in_the_readers_language() -> None:
    compile_catalogue()
    assert str(explain(Reason.BLOCKED).headline) == "The friend has blocked the account."
    with translation.override("ja"):
        assert str(explain(Reason.BLOCKED).headline) == "友だちがアカウントをブロックしています。"


@pytest.mark.parametrize(
    ("japanese", "fault"),
    [
        ('msgid "Hello %(name)s"\nmsgstr "%(name)sさん"', None),
        ("", "missing"),
        ('msgctxt "a letter"\nmsgid "Hello %(name)s"\nmsgstr "%(name)sさん"', "missing"),
        ('msgid "Hello %(name)s"\nmsgid_plural "Hello all"\nmsgstr[0] "皆さん"', "missing"),
        ('msgid "Hello %(name)s"\nmsgstr ""', "untranslated"),
        ('#, fuzzy\nmsgid "Hello %(name)s"\nmsgstr "%(name)sさん"', "fuzzy"),
        ('msgid "Hello %(name)s"\nmsgstr "お客様"', "other placeholders"),
        ('msgid "Hello %(name)s"\nmsgstr "%(nama)sさん"', "other placeholders"),
        ('msgid "Hello %(name)s"\nmsgstr "%(name)dさん"', "other placeholders"),
    ],
)
def test_a_translation_must_be_there_and_whole(tmp_path: Path, japanese: str, fault: str | None) -> None:
    faults = find_faults(_used("Hello %(name)s"), read_catalogue(_catalogue(tmp_path, japanese)))
    assert faults[:1] == ([f"lumo/page.py:7: {fault}: 'Hello %(name)s'"] if fault else [])


@pytest.mark.parametrize(
    ("english", "japanese", "is_sound"),
    [
        ("%s of %d", "%sの%d", True),
        ("%s of %d", "%dの%s", False),
        ("%(part)s of %(whole)d", "%(whole)d中%(part)s", True),
        ("{part} of {whole}", "{whole}中{part}", True),
        ("{part} of {whole}", "{part}", False),
        ("Paste {{ person.id }}", "{{ person.id }}を貼り付け", True),
        ("Paste {{ person.id }}", "貼り付け", False),
        ("100%% of it", "100%%", True),
    ],
)
def test_named_placeholders_may_change_their_order_only(
    tmp_path: Path, english: str, japanese: str, is_sound: bool
) -> None:
    path = _catalogue(tmp_path, f'msgid "{english}"\nmsgstr "{japanese}"')
    assert (find_faults(_used(english), read_catalogue(path)) == []) is is_sound


@pytest.mark.parametrize(("japanese", "is_sound"), [("%(name)sへの配信%(count)d件", True), ("%(name)sへの配信", False)])
def test_japanese_has_one_form_for_one_and_many(tmp_path: Path, japanese: str, is_sound: bool) -> None:
    path = _catalogue(tmp_path, f'msgid "{ONE}"\nmsgid_plural "{MANY}"\nmsgstr[0] "{japanese}"')
    assert (find_faults(_used((ONE, MANY)), read_catalogue(path)) == []) is is_sound


@pytest.mark.parametrize("japanese", ['msgid "Gone"\nmsgstr "なし"', '#~ msgid "Gone"\n#~ msgstr "なし"'])
def test_what_nothing_shows_any_more_is_a_fault(tmp_path: Path, japanese: str) -> None:
    assert find_faults(Catalog(), read_catalogue(_catalogue(tmp_path, japanese))) == ["obsolete: 'Gone'"]


def test_an_update_keeps_translations_guesses_none_and_says_what_it_drops(tmp_path: Path) -> None:
    path = _catalogue(tmp_path, 'msgid "Kept"\nmsgstr "保持"\n\nmsgid "Gone"\nmsgstr "なし"')
    used = _used("Kept", "Gone!")
    assert update_catalogue(used, path) == [
        "dropped: 'Gone', in Japanese 'なし'",
        "lumo/page.py:7: untranslated: 'Gone!'",
    ]
    updated = path.read_bytes()
    assert {message.id: message.string for message in read_catalogue(path) if message.id} == {
        "Kept": "保持",
        "Gone!": "",
    }
    update_catalogue(used, path)
    assert path.read_bytes() == updated


def test_messages_are_found_in_code_and_in_templates(tmp_path: Path) -> None:
    _write(tmp_path / "views.py", '_("In code")\nngettext_lazy("One", "Many", "n")\npgettext("month", "May")\n')
    _write(tmp_path / "tests" / "test_views.py", '_("In a test")\n')
    _write(tmp_path / "templates" / "page.html", '    <p>(\n  {% translate "It\'s 5 %" %}\n{{ _("Filtered")|title }}\n')
    _write(
        tmp_path / "templates" / "_part.html",
        "{% blocktranslate count n=n trimmed %}\n  A card of {{ shop }}\n"
        "{% plural %}\n  {{ n }} cards of {{ shop }}\n{% endblocktranslate %}",
    )
    found = {(message.id, message.context) for message in collect_messages(tmp_path) if message.id}
    assert found == {
        ("In code", None),
        (("One", "Many"), None),
        ("May", "month"),
        ("It's 5 %%", None),
        ("Filtered", None),
        (("A card of %(shop)s", "%(n)s cards of %(shop)s"), None),
    }


def test_a_catalogue_is_compiled_where_it_is_newer(tmp_path: Path) -> None:
    path = _catalogue(tmp_path, 'msgid "Kept"\nmsgstr "保持"')
    compiled = path.with_suffix(".mo")
    compile_catalogue(path)
    assert "保持".encode() in compiled.read_bytes()
    compiled.write_bytes(b"newer")
    compile_catalogue(path)
    assert compiled.read_bytes() == b"newer"


def _used(*messages: str | tuple[str, str]) -> Catalog:
    used = Catalog()
    for message in messages:
        used.add(message, locations=[("lumo/page.py", 7)])
    return used


def _catalogue(folder: Path, entries: str) -> Path:
    header = CATALOGUE.read_text(encoding="utf-8").partition("\n\n")[0]
    path = folder / "django.po"
    _write(path, f"{header}\n\n{entries}\n")
    return path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
