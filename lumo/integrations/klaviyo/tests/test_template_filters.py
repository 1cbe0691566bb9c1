"""Klaviyo's filters, each with what it writes; all of them in a process without settings too."""

from datetime import UTC, datetime

import pytest
from django.template import defaultfilters
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from lumo.integrations.klaviyo.bounded import Job, render_bounded
from lumo.integrations.klaviyo.template_filters import register
from lumo.integrations.klaviyo.templates import TemplateFault, render
from lumo.integrations.klaviyo.tests.data import CONTEXT

NUMBERS = [
    ("-1.2|abs", "1.2"),
    ("'-3'|abs", "3.0"),
    ("1|at_least:5.0", "5.0"),
    ("1|at_most:-1.0", "-1.0"),
    ("5.01|ceil", "6.0"),
    ("5.9|floor", "5.0"),
    ("5.5|round", "6.0"),
    ("5.126|round:2", "5.13"),
    ("5.123|round_up:2", "5.13"),
    ("5.129|round_down:2", "5.12"),
    ("'10'|divide:'2'", "5.0"),
    ("1|divide:0", ""),
    ("'10'|multiply:'2'", "20.0"),
    ("'ten'|multiply:2", "0.0"),
    ("1|floatadd:1.1", "2.1"),
    ("1|plus:1", "2.0"),
    ("1.1|floatsub:1", "0.1"),
    ("3|minus:1", "2.0"),
    ("5|remainder:2", "1.0"),
    ("5|modulo:0", ""),
    ("'3200.00'|floatformat:0", "3200"),
    ("2.0|floatformat", "2"),
    ("3.25|floatformat", "3.3"),
    ("1234567.891|floatformat:'2g'", "1,234,567.89"),
    ("'x'|floatformat:2", ""),
    ("'.25'|percentize:2", "25.00%"),
    ("event.Numbers|sum_list", "6.0"),
    ("3|gt:2", "True"),
    ("3|gte:4", "False"),
    ("3|lt:2", "False"),
    ("3|lte:3", "True"),
    ("4|add:'5'", "9"),
    ("'4.9'|add:1", "5"),
]
TEXTS = [
    ("'hello'|append:' world'", "hello world"),
    ("'world'|prepend:'hello '", "hello world"),
    ("'a'|concat:'b'", "ab"),
    ("'aB'|capitalize", "AB"),
    ("'aB'|capfirst", "AB"),
    ("'aB'|downcase", "ab"),
    ("'aB'|lower", "ab"),
    ("'aB'|upcase", "AB"),
    ("'the pan'|title", "The Pan"),
    ("'日本語テキスト'|truncatechars:4", "日本語…"),
    ("'abc'|truncatechars:3", "abc"),
    ("'abcdef'|truncate:3", "ab…"),
    ("'  a '|strip", "a"),
    ("'  a '|lstrip|append:'.'", "a ."),
    ("' a '|rstrip", " a"),
    ("'<b>a</b>'|strip_html", "a"),
    ("'<b>a</b>'|striptags", "a"),
    ("person.Text|strip_newlines|slice:'-12:'", "\\ slashline2"),
    ("'aXbX'|remove:'X'", "ab"),
    ("'aXbX'|cut:'X'", "ab"),
    ("'aXbX'|remove_first:'X'", "abX"),
    ("'aXbX'|remove_last:'X'", "aXb"),
    ("'Hi, there,'|find_replace:',|-'", "Hi- there-"),
    ("'aXbX'|replace_first:'X|.'", "a.bX"),
    ("'aXbX'|replace_last:'X|.'", "aXb."),
    ("'a,b'|split:','|last", "b"),
    ("'a  b'|resplit:'\\s+'|join:'/'", "a/b"),
    ("'a b/c'|urlencode", "a%20b/c"),
    ("'a b/c'|urlencodeplus", "a+b%2Fc"),
    ("'a%20b+c'|urldecode", "a b+c"),
    ("'a%20b+c'|urldecodeplus", "a b c"),
    ("'日'|base64_encode", "5pel"),
    ("'5pel'|base64_decode", "日"),
    ("'?'|base64_decode", ""),
    ("'>>>'|base64_url_safe_encode", "Pj4-"),
    ("'Pz8_'|base64_url_safe_decode", "???"),
    ("'a'|md5_hash", "0cc175b9c0f1b6a831c399e269772661"),
    ("'a'|sha_1", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    ("'a'|sha_256", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("'https://a.example'|httpize", "http://a.example"),
    ("'a.example'|httpsize", "https://a.example"),
    ("'a.example/'|trim_slash", "a.example"),
    ("3|stringformat:'04d'", "0003"),
    ("person.VIP|yesno:'y,n'", "y"),
    ("person.Nothing|yesno:'y,n'", "n"),
    ("person.Nothing|yesno:'y,n,?'", "?"),
    ("2|pluralize", "s"),
    ("1|pluralize:'y,ies'", "y"),
    ("event.none|missing_image", ""),
    ("event.none|missing_product_image|default:'x'", "x"),
    ("person.Nothing|default_if_none:'x'", "x"),
]
ESCAPED = [
    # (expression, with autoescape on, with autoescape off)
    ("first_name|escape", "Mei &amp; Co", "Mei &amp; Co"),
    ("first_name|force_escape", "Mei &amp; Co", "Mei &amp; Co"),
    ("'a &amp; b & c'|escape_once", "a &amp; b &amp; c", "a &amp; b &amp; c"),
    ("first_name|append:'<'", "Mei &amp; Co&lt;", "Mei & Co<"),
    ("first_name|escapejs", "Mei \\u0026 Co", "Mei \\u0026 Co"),
    ("'a\"b'|addslashes", 'a\\"b', 'a\\"b'),
    ("person.Text|slice:'-8:'|newline_to_br", "sh<br>line2", "sh<br>line2"),
    ("event.extra.line_items|map:'product'|map:'title'|join:' & '", "A &amp; B", "A & B"),
]
LISTS = [
    ("event.Numbers|count", "3"),
    ("event.Numbers|length", "3"),
    ("'abc'|size", "3"),
    ("event.Names|compact|join:''", "baC"),
    ("event.Numbers|concat:event.Numbers|join:''", "312312"),
    ("event.Names|compact|list_to_string", "b, a and C"),
    ("event.none|list_to_string", ""),
    ("event.items|list_where:'title=Lid'|map:'price'|join:''", "2.50"),
    ("event.items|dictfilter:'price>2'|map:'title'|join:','", "Pan,Lid"),
    ("event.items|dictfilter:'title!=Pan'|count", "1"),
    ("event.Numbers|reverse|join:''", "213"),
    ("event.Numbers|slice:':2'|join:''", "31"),
    ("event.Numbers|sort|join:''", "123"),
    ("event.Names|sort", ""),
    ("event.items|slice:'::2'|sort:'price'|map:'price'|join:','", "1,3"),
    ("event.Names|compact|sort_natural|join:''", "abC"),
    ("event.items|uniq:'title'|map:'title'|join:','", "Pan,Lid"),
    ("event.Numbers|concat:event.Numbers|uniq|join:''", "312"),
    ("event.Numbers|first", "3"),
    ("event.Numbers|last", "2"),
]
DATES = [
    ("person.Born|format_date_string|date:'F d, o'", "February 11, 2016"),
    ("person.Born|format_date_string|date:'m-d-Y g:i a'", "02-11-2016 4:46 p.m."),
    ("person.Born|format_date_string|date:'D l M N b \\D A P'", "Thu Thursday Feb Feb. feb D PM 4:46 p.m."),
    ("person.Born|format_date_string", "Feb. 11, 2016, 4:46 p.m."),
    ("person.Born|date:'Y'", ""),
    ("'09/15/2021 13:34'|datetime_from_string|date:'c'", "2021-09-15T13:34:00+00:00"),
    ("1631712848|format_date_string|date:'Y-m-d'", "2021-09-15"),
    ("'2021-03-18'|days_later:5", "2021-03-23"),
    ("'2021-03-18'|days_later:5|format_date_string|date:'M d'", "Mar 23"),
    ("'2021-03-18T01:00:00'|format_date_string|days_later:-1|date:'d'", "17"),
    ("'2021-01-01'|weeks_since:'2021-01-22'", "3"),
    ("event.none|format_date_string|date:'Y'", ""),
]
PLAIN = [*NUMBERS, *TEXTS, *LISTS, *DATES]


@pytest.mark.parametrize(("expression", "written"), PLAIN)
@pytest.mark.parametrize("autoescape", [True, False])
def test_a_filter_writes_what_klaviyo_writes(expression: str, written: str, autoescape: bool) -> None:
    assert render(f"{{{{ {expression} }}}}", CONTEXT, autoescape=autoescape) == written


@pytest.mark.parametrize(("expression", "escaped", "raw"), ESCAPED)
def test_a_filter_s_text_is_escaped_or_not(expression: str, escaped: str, raw: str) -> None:
    assert render(f"{{{{ {expression} }}}}", CONTEXT, autoescape=True) == escaped
    assert render(f"{{{{ {expression} }}}}", CONTEXT, autoescape=False) == raw


def test_every_filter_is_in_a_table() -> None:
    tried = (
        " ".join(expression for expression, *_ in [*PLAIN, *ESCAPED]) + " |safe |default |lookup |upper |linebreaksbr "
    )
    assert [name for name in register.filters if f"|{name} " not in tried.replace(":", " ").replace("|", " |")] == []


def test_every_filter_works_without_settings() -> None:
    source = "\n".join(f"{{{{ {expression} }}}}" for expression, _ in PLAIN)
    outcome = render_bounded(source, [Job(CONTEXT, autoescape=False)], seconds=10)
    assert outcome == ["\n".join(written for _, written in PLAIN)]


def test_a_filter_of_nothing_is_nothing() -> None:
    shown = {
        name: render(f"{{{{ nothing|{name} }}}}", {}, autoescape=True) for name in ("upper", "urlencode", "lookup:'a'")
    }
    assert set(shown.values()) == {""}


@pytest.mark.parametrize(
    "expression",
    ["'a'|find_replace:'b'", "event.items|dictfilter:'price'", "'a'|resplit:'('", "'2021-03-18'|days_later:'soon'"],
)
def test_an_argument_that_can_not_be_read_is_a_fault(expression: str) -> None:
    with pytest.raises(TemplateFault):
        render(f"{{{{ {expression} }}}}", CONTEXT, autoescape=True)


@given(number=st.floats(-1e15, 1e15) | st.integers(-(10**18), 10**18), places=st.integers(-12, 12))
def test_floatformat_is_django_s_in_english(number: float, places: int) -> None:
    with translation.override("en"):
        wanted = str(defaultfilters.floatformat(number, places))
    assert render("{{ n|floatformat:p }}", {"n": number, "p": places}, autoescape=True) == wanted


@given(st.datetimes())
def test_dates_are_django_s_in_english(at: datetime) -> None:
    pattern = "a A b c d D e E f F g G h H i j l L m M n N o O P r s S t T u w W y Y z Z"
    text = f"{at.isoformat()}Z"
    with translation.override("en"):
        wanted = defaultfilters.date(at.replace(tzinfo=UTC), pattern)
    source = "{{ at|format_date_string|date:pattern }}"
    assert render(source, {"at": text, "pattern": pattern}, autoescape=False) == wanted
