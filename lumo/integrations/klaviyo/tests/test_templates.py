"""Klaviyo's template language: what it writes, what it refuses, what it never reaches."""

import base64
import html
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from lumo.integrations.klaviyo.template_dates import MONTHS, WEEKDAYS
from lumo.integrations.klaviyo.template_filters import register
from lumo.integrations.klaviyo.templates import TemplateFault, build_context, render
from lumo.integrations.klaviyo.tests.data import CONTEXT, TEXT
from tests.shared import specs

CASES = [
    # (template, with autoescape on, with autoescape off)
    ("{{ 'a&b'|upper }}", "A&amp;B", "A&B"),
    ("{{ 'a&b' }}", "a&b", "a&b"),
    ("{{ email }} {{ person.email }}", "mei@shop.example mei@shop.example", "mei@shop.example mei@shop.example"),
    ("{{ first_name }}", "Mei &amp; Co", "Mei & Co"),
    ("{{ first_name|safe }}", "Mei & Co", "Mei & Co"),
    ("{{ last_name }}", "", ""),
    ("{{ person.KlaviyoID }}", "01ABC", "01ABC"),
    ("{{ person|lookup:'LINE User ID' }}", "U1", "U1"),
    ("{{ person|lookup:'$timezone' }}", "Asia/Tokyo", "Asia/Tokyo"),
    ("{{ person|lookup:'No such name' }}", "", ""),
    ("{{ person|lookup:'No such name'|default:'nobody' }}", "nobody", "nobody"),
    ("{{ person.Nothing }}", "None", "None"),
    ("{{ event|lookup:'$value' }}", "3200.0", "3200.0"),
    ("{{ event.extra.line_items.0.product.title }}", "A &amp; B", "A & B"),
    ("{{ event|lookup:'$extra'|lookup:'line_items'|lookup:'0'|lookup:'quantity' }}", "2.0", "2.0"),
    ("{{ event.extra.line_items.1.product.title|urlencode }}", "", ""),
    ("{{ event.items.1.title }}", "Lid", "Lid"),
    ("{{ event.Link }}", "https://shop.example/?a=1&amp;b=2", "https://shop.example/?a=1&b=2"),
    ("{{ organization.url }}products/", "https://shop.example/products/", "https://shop.example/products/"),
    ("{{ today }}", "", ""),
    ("{{ 'a.$'|append:'|b: c' }}", "a.$|b: c", "a.$|b: c"),
    ("{% if event.none %}a{% elif person.VIP %}b{% else %}c{% endif %}", "b", "b"),
    ("{% if event.Numbers.0 > 2 and 'a' in event.Names %}yes{% endif %}", "yes", "yes"),
    ("{% for i in event.items %}{{ i.title }}{% if not forloop.last %},{% endif %}{% endfor %}",)
    + ("Pan,Lid,Pan",) * 2,
    ("{% for i in event.none %}{{ i }}{% empty %}nothing{% endfor %}", "nothing", "nothing"),
    ("{% for i in event.items|slice:':2' reversed %}{{ forloop.counter0 }}{{ i.title }}{% endfor %}",)
    + ("0Lid1Pan",) * 2,
    (
        "{% for i in event.Numbers %}{% for j in event.Numbers|slice:':1' %}"
        "{{ forloop.parentloop.counter }}/{{ forloop.parentloop.revcounter }} {% endfor %}{% endfor %}",
    )
    + ("1/3 2/2 3/1 ",) * 2,
    ("{% for n in event.items %}{% ifchanged n.title %}{{ n.title }}{% else %}={% endifchanged %}{% endfor %}",)
    + ("PanLidPan",) * 2,
    ("{% for n in '112' %}{% ifchanged %}{{ n }}{% endifchanged %}{% endfor %}", "12", "12"),
    ("{% with n=first_name %}{{ n }}{% endwith %}{{ n }}", "Mei &amp; Co", "Mei & Co"),
    ("{% autoescape off %}{{ first_name }}{% endautoescape %}", "Mei & Co", "Mei & Co"),
    ("{% autoescape on %}{{ first_name }}{% endautoescape %}", "Mei &amp; Co", "Mei &amp; Co"),
    ("a{% comment %}{{ b }}{% endcomment %}{# c #}d", "ad", "ad"),
    ("{% verbatim %}{{ email }}{% if %}{% endverbatim %}", "{{ email }}{% if %}", "{{ email }}{% if %}"),
    ("{% spaceless %}<a>  <b>{% endspaceless %}", "<a><b>", "<a><b>"),
    ("{% firstof event.none first_name 'x' %}", "Mei &amp; Co", "Mei & Co"),
    ("{% for n in event.Numbers %}{% cycle 'odd' 'even' %} {% endfor %}", "odd even odd ", "odd even odd "),
    ("{% widthratio event.Numbers.0 4 100 %}", "75", "75"),
    ("{% templatetag openvariable %}", "{{", "{{"),
]

REFUSED = [
    ("one\ntwo {% if a %}", 2, "{% if %} is never closed."),
    ("{% if a %}\n{% elsif b %}{% endif %}", 2, "Klaviyo has no {% elsif %}; write {% elif %}."),
    ("{% assign a = 1 %}", 1, "Klaviyo has no {% assign %}; write {% with name=value %}."),
    ("{% capture a %}", 1, "Klaviyo has no {% capture %}; write {% with name=value %}."),
    ("\n\n{% endif %}", 3, "{% endif %} stands where no tag is open that it could belong to."),
    ("\n{% catalog '1' %}", 2, "{% catalog %} does not work in a webhook: only Klaviyo's own messages can fill it."),
    ("{{ email|ljust:9 }}", 1, "Klaviyo lists no filter named 'ljust'."),
    ("\n{{ email|default: 'a' }}", 2, "No space may follow the colon of a filter: email|default: 'a'."),
    (
        "{{ event.$value }}",
        1,
        "A name that begins with $ needs a filter: write |lookup:'$…' in place of .$ in event.$value.",
    ),
    ("{% if email %}\n{{ email|default:nobody }}{% endif %}", 2, "nobody has no value here, and the argument of a "),
    ("{{ _('yes') }}", 1, "Klaviyo translates nothing: write the text without _( )."),
    ("{{ email|default:_('yes') }}", 1, "Klaviyo translates nothing: write the text without _( )."),
    ("{{ person.__class__ }}", 1, "Variables and attributes may not begin with underscores: 'person.__class__'."),
    ("{{ }}", 1, "Empty variable tag."),
    ("\n{% for a, b in event.Numbers %}{% endfor %}", 2, "Need 2 values to unpack in for loop; got 1."),
    ("{% today %}", 1, "{% today %} needs a pattern in quotes."),
    ("{% today '%Y' %}", 1, '{% today %} needs a pattern and a name: {% today "%Y-%m-%d" as today %}.'),
    ("{{ 'soon'|format_date_string }}", 1, "This is not a date that Klaviyo reads: 'soon'."),
]

ATTRIBUTE_TRICKS = [
    *(
        "{{ person.keys }}",
        "{{ person.items }}",
        "{{ email.format }}",
        "{{ event.Names.pop }}",
        "{{ event.Names.sort }}",
    ),
    *("{{ event.clear }}", "{{ person|lookup:'__class__' }}", "{{ event.Numbers.0.real }}", "{{ forloop }}"),
    "{{ event.items|map:'keys'|join:'' }}",
    "{% for k, v in person.items %}{{ k }}{% endfor %}",
    "{% with m='format' %}{{ email|lookup:m }}{% endwith %}",
    "{{ block.super }}{{ request }}{{ settings }}{{ csrf_token }}",
]

FRAGMENTS = [
    *("{{ ", " }}", "{% ", " %}", "{# ", " #}", "|", ":", "'", '"', ".", "\n", "_(", "$", "\\", "{% endif %}"),
    *("email", "event", "event.items", "person.Text", "forloop.counter", "9" * 400, "1e308", "-1", "None", "a"),
    *("|upper", "|lookup:'items'", "|floatformat:2", "|divide:0", "|add:'1'", "|join:','", "|sort", "|date:'r'"),
    *("|format_date_string", "|stringformat:'d'", "|resplit:'('", "|base64_decode", "|urldecode", "|first", "|last"),
    *("|concat:event.Names", "|slice:'::0'", "|days_later:9", "|uniq", "|map:'a'", "|truncate:-1", "|yesno:'a'"),
    *("{% if ", "{% for a in event %}", "{% for a, b in event.Names %}", "{% endfor %}", "{% cycle a as b %}"),
    *("{% ifchanged %}", "{% endifchanged %}", "{% with forloop=event %}", "{% endwith %}", "{% widthratio 1 a b %}"),
    *("{% now 'r' %}", "{% today '%Q' as a %}", "{% verbatim %}", "{% endverbatim %}", "{% spaceless %}", "{% else %}"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("source", "escaped", "raw"), CASES)
def test_a_template_writes_what_klaviyo_writes(source: str, escaped: str, raw: str) -> None:
    assert render(source, CONTEXT, autoescape=True) == escaped
    assert render(source, CONTEXT, autoescape=False) == raw


@pytest.mark.parametrize(("source", "line", "sentence"), REFUSED)
def test_a_fault_names_its_line_and_says_why(source: str, line: int, sentence: str) -> None:
    with pytest.raises(TemplateFault) as refused:
        render(source, CONTEXT, autoescape=True)
    assert refused.value.line == line
    assert refused.value.message.startswith(sentence)


@pytest.mark.parametrize(
    "name",
    ["load", "include", "extends", "block", "debug", "url", "csrf_token", "static", "lorem", "filter", "regroup"],
)
def test_a_tag_that_reaches_code_or_files_does_not_exist(name: str) -> None:
    with pytest.raises(TemplateFault, match=f"Klaviyo lists no tag named '{name}'"):
        render(f"{{% {name} 'a' %}}", CONTEXT, autoescape=True)


@pytest.mark.parametrize("source", ATTRIBUTE_TRICKS)
def test_no_name_reaches_an_attribute(source: str) -> None:
    context = {**CONTEXT, "event": {"Names": ["a"], "Numbers": [1]}}
    assert render(source, context, autoescape=True) == ""


def test_keys_win_over_the_methods_of_a_dictionary() -> None:
    context = build_context(person={"keys": "k"}, event={"items": ["i"], "values": "v"})
    source = "{{ person.keys }}{{ event.items.0 }}{{ event.values }}"
    assert render(source, context, autoescape=True) == "kiv"


def test_a_template_leaves_the_data_alone() -> None:
    before = deepcopy(CONTEXT)
    source = (
        "{% with forloop=event %}{% ifchanged %}a{% endifchanged %}{% endwith %}{% cycle 'a' 'b' as email %}"
        "{{ event.Names|reverse|length }}{{ event.Numbers|sort|first }}{{ event.Numbers|concat:event.Names|length }}"
    )
    assert render(source, CONTEXT, autoescape=True) == "aa417"
    assert before == CONTEXT


def test_what_ifchanged_remembers_is_no_data() -> None:
    source = "{% with forloop=event %}{% ifchanged %}a{% endifchanged %}{{ forloop }}{% endwith %}"
    assert render(source, {"event": {}}, autoescape=False) == "a{}"


def test_without_an_event_its_tags_are_empty() -> None:
    context = build_context(person={"email": "a@b.example"}, event=None)
    source = (
        "[{{ event.Name }}{{ event|lookup:'$value' }}{% for i in event.items %}x{% endfor %}{% if event %}y{% endif %}]"
    )
    assert render(source, context, autoescape=True) == "[]"


@pytest.mark.parametrize(
    ("tag", "is_valid", "read"),
    [
        ("{{ person.Text }}", False, None),
        ("{{ person.Text|safe }}", False, None),
        ("{{ person.Text|addslashes }}", False, None),
        ("{{ person.Text|escapejs }}", True, str),
        ("{{ person.Text|urlencode }}", True, unquote),
        ("{{ person.Text|base64_encode }}", True, lambda text: base64.b64decode(text).decode()),
    ],
)
@pytest.mark.parametrize("autoescape", [True, False])
def test_json_holds_only_text_that_is_encoded(
    tag: str, is_valid: bool, read: Callable[[str], str] | None, autoescape: bool
) -> None:
    body = render(f'{{"text": "{tag}"}}', CONTEXT, autoescape=autoescape)
    if not is_valid:
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
        return
    assert read
    assert read(json.loads(body)["text"]) == TEXT


def test_a_text_without_backslash_and_line_break_is_valid_but_escaped() -> None:
    context = {"text": TEXT.partition(" \\")[0]}
    found = json.loads(render('"{{ text }}"', context, autoescape=True))
    assert "&quot;Lid&quot;" in found
    assert "O&#x27;Neil" in found
    assert html.unescape(found) == context["text"]
    with pytest.raises(json.JSONDecodeError):
        json.loads(render('"{{ text }}"', context, autoescape=False))


def test_every_fixture_makes_a_valid_body() -> None:
    fixtures = sorted(specs("klaviyo/fixtures").glob("*.json"))
    assert len(fixtures) == 9
    source = (
        '{"event": "{{ event|lookup:\'$event_id\' }}", "value": "{{ event|lookup:\'$value\'|default:0 }}", "titles": ['
        '"{{ event.extra.line_items.0.product.title|urlencode }}", "{{ event.items.0.title|urlencode }}",'
        '"{{ event|lookup:\'Product Name\'|urlencode }}", "{{ event.Name|default:\'\'|urlencode }}"], "all": ['
        "{% for i in event.extra.line_items|slice:':10' %}"
        '"{{ i.title|urlencode }} {{ i.quantity|floatformat:0 }}"{% if not forloop.last %},{% endif %}{% endfor %}]}'
    )
    for fixture in fixtures:
        event: dict[str, Any] = json.loads(fixture.read_text())["event_properties"]
        context = build_context(person={"KlaviyoID": "01ABC"}, event=event)
        for autoescape in (True, False):
            body = json.loads(render(source, context, autoescape=autoescape))
            assert body["event"] == event.get("$event_id", "")
            assert len(body["all"]) == len(event.get("$extra", {}).get("line_items", []))


def test_dates_are_in_the_zone_of_the_account_and_in_english() -> None:
    source = (
        "{% today '%Y-%m-%d' as day %}{{ day }} {{ day|days_later:1 }} {% now 'Y' %} {% current_day %} "
        "{% current_month %} {% current_month_name %} {% current_weekday %} {% current_year %}"
    )
    with translation.override("ja"):
        text = render(source, CONTEXT, autoescape=True)
    now = datetime.fromisoformat(f"{text[:10]}T00:00:00+09:00")
    assert abs(datetime.now(UTC) - now) < timedelta(days=1, minutes=1)
    assert text == (
        f"{now:%Y-%m-%d} {now + timedelta(days=1):%Y-%m-%d} {now.year} {now.day} {now.month} "
        f"{MONTHS[now.month - 1]} {WEEKDAYS[now.weekday()]} {now.year}"
    )


@settings(deadline=None, max_examples=400)
@given(
    pieces=st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=25),
    event=JSON,
    autoescape=st.booleans(),
)
def test_nothing_but_a_fault_is_raised(pieces: list[str], event: object, autoescape: bool) -> None:
    context = {**CONTEXT, "event": event, "a": event}
    with suppress(TemplateFault):
        assert type(render("".join(pieces), context, autoescape=autoescape)) is str


@settings(deadline=None, max_examples=200)
@given(value=JSON, other=JSON, name=st.data())
def test_no_filter_raises_anything_but_a_fault(value: object, other: object, name: st.DataObject) -> None:
    chosen = name.draw(st.sampled_from(sorted(register.filters)))
    for source in (f"{{{{ v|{chosen} }}}}", f"{{{{ v|{chosen}:o }}}}"):
        with suppress(TemplateFault):
            render(source, {"v": value, "o": other}, autoescape=True)


@settings(max_examples=100)
@given(st.dictionaries(st.text(), JSON))
def test_a_whole_event_is_percent_encoded_exactly(event: dict[str, Any]) -> None:
    for name, value in event.items():
        if isinstance(value, str):
            text = render("{{ event|lookup:name|urlencode }}", {"event": event, "name": name}, autoescape=True)
            assert unquote(text) == value


def test_the_client_needs_no_django() -> None:
    modules = "lumo.integrations.klaviyo.client, lumo.integrations.klaviyo.bounded"
    code = f"import sys, {modules}; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
