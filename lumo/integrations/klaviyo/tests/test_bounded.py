"""Templates of strangers: refused in time, in a process that has nothing to give away."""

import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumo.integrations.klaviyo.bounded import Job, render_bounded
from lumo.integrations.klaviyo.templates import TemplateFault, render
from lumo.integrations.klaviyo.tests.data import CONTEXT

DATA = {"s": "a" * 100_000, "l": list(range(5_000)), "big": 1e308, "small": 1e-308, "d": {"x": [{"a": 1}] * 100}}


def _doubled(name: str, by: str) -> str:
    opened = "".join(f"{{% with x{i + 1}=x{i}|{by}:x{i} %}}" for i in range(40)).replace("x0", name)
    return f"{opened}{{{{ x40 }}}}{'{% endwith %}' * 40}"


def _nested(*loops: str, inside: str) -> str:
    opened = "".join(f"{{% for i{depth} in {name} %}}" for depth, name in enumerate(loops))
    return opened + inside + "{% endfor %}" * len(loops)


HOSTILE = {
    "nested loops": _nested("l", "l", "l", inside="x"),
    "empty loops": _nested("l", "l", inside=""),
    "loops over text": _nested("s", "s", inside="{{ i1 }}"),
    "output by repetition": _nested("l", inside="{{ s }}"),
    "text by repetition": _nested("l", inside="x" * 1000),
    "cycles": _nested("l", inside="{% cycle s s %}"),
    "ifchanged": _nested("l", "l", inside="{% ifchanged %}{% endifchanged %}"),
    "sorting in loops": _nested("s", inside="{{ l|sort|length }}"),
    "comparing in loops": _nested("l", inside="{{ l|uniq|length }}"),
    "doubled text": _doubled("s", "append"),
    "doubled list": _doubled("l", "concat"),
    "doubled sum": _doubled("s", "add"),
    "join": "{{ l|join:s }}",
    "find_replace": "{{ s|find_replace:'a|" + "b" * 3000 + "' }}",
    "repeated base64": "{{ s" + "|base64_encode" * 200 + " }}",
    "long chain": ("{{ s" + "|upper|lower" * 300 + " }}") * 60,
    "stringformat width": "{{ s|stringformat:'999999999s' }}",
    "stringformat precision": "{{ 1|stringformat:'.999999999f' }}",
    "half a character": "{{ 55296|stringformat:'c' }}",
    "ljust": "{{ s|ljust:999999999 }}",
    "rjust": "{{ s|rjust:999999999 }}",
    "center": "{{ s|center:999999999 }}",
    "floatformat": "{{ 1|floatformat:1000000 }}",
    "negative floatformat": "{{ 1|floatformat:-1000000 }}",
    "round": "{{ 1|round:1000000000 }}",
    "days_later": "{{ '2020-01-01'|days_later:99999999999 }}",
    "today": "{% today '%999999999d' as x %}{{ x }}",
    "regular expression": "{{ s|append:'b'|resplit:'(a+)+$' }}",
    "10,000 tags nested": "{% if s %}" * 10_000 + "{% endif %}" * 10_000,
    "1,000 tags nested": "{% if s %}" * 1_000 + "{% endif %}" * 1_000,
    "condition nested": "{% if " + "not " * 950 + "s %}x{% endif %}",
    "tags never closed": "{%" * 100_000,
    "few tags never closed": "{%" * 4_999 + " " * 200_000,
    "spaces in a tag": "{{ a" + " " * 200_000 + "b }}",
    "template too long": "x" * 300_000,
    "half of a pair": "\ud800",
    "code": "{% load os %}",
    "file": "{% include '/etc/passwd' %}",
    "debug": "{% debug %}",
    "dunder": "{{ s.__class__.__mro__ }}",
}

HARMLESS = {
    "{% widthratio big small big %}": "",
    "{{ " + "9" * 3900 + "|add:1 }}": "",
    "{{ big|multiply:big }}": "inf",
    "{{ s.format }}{{ d.keys }}{{ l.append }}{{ d|lookup:'__class__' }}": "",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_is_refused_in_time(source: str) -> None:
    started = time.monotonic()
    outcome = render_bounded(source, [Job(DATA, autoescape=True)])
    assert time.monotonic() - started < 2
    assert isinstance(outcome[0], TemplateFault)
    assert outcome[0].message.endswith(".")


@pytest.mark.parametrize(("source", "text"), HARMLESS.items(), ids=range(len(HARMLESS)))
def test_a_trick_that_does_nothing_renders(source: str, text: str) -> None:
    assert render_bounded(source, [Job(DATA, autoescape=True)]) == [text]


def test_the_parent_does_not_grow() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for source in (HOSTILE["output by repetition"], HOSTILE["doubled list"], "{{ s }}" * 10):
        render_bounded(source, [Job(DATA, autoescape=True)] * 4)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_the_child_is_held_to_its_memory() -> None:
    fault = render_bounded("{{ l|length }}", [Job({"l": [[]] * 2_000_000}, autoescape=True)], seconds=5)[0]
    assert isinstance(fault, TemplateFault)
    assert "memory" in fault.message


def test_all_jobs_are_rendered_by_one_process() -> None:
    jobs = [Job(CONTEXT, autoescape=True), Job(CONTEXT, autoescape=False), Job({}, autoescape=False)]
    assert render_bounded("{{ 'a&b'|upper }}{{ email }}", jobs) == [
        "A&amp;Bmei@shop.example",
        "A&Bmei@shop.example",
        "A&B",
    ]


def test_jobs_that_were_done_in_time_keep_their_text() -> None:
    jobs = [Job({}, autoescape=True), Job(DATA, autoescape=True)]
    text, fault = render_bounded(HOSTILE["comparing in loops"], jobs)
    assert text == ""
    assert isinstance(fault, TemplateFault)
    assert fault.message == "The template takes longer than 1 s to render."


def test_a_fault_arrives_with_its_line() -> None:
    outcome = render_bounded("\n{% elsif %}", [Job({}, autoescape=True)] * 2)
    assert [(fault.line, str(fault)) for fault in outcome if isinstance(fault, TemplateFault)] == [
        (2, "Klaviyo has no {% elsif %}; write {% elif %}.")
    ] * 2


def test_the_child_can_read_a_zone_late() -> None:
    assert render_bounded("{% now 'T' %}", [Job(CONTEXT, autoescape=True)]) == ["JST"]


def test_an_event_as_large_as_klaviyo_takes_is_rendered() -> None:
    event = {"lines": [{"title": "x" * 1000, "price": index} for index in range(4_500)]}
    source = "{% for line in event.lines|slice:':16' %}{{ line.title|truncate:2|urlencode }}{% endfor %}"
    assert render_bounded(source, [Job({"event": event}, autoescape=True)]) == ["x%E2%80%A6" * 16]


def test_nothing_is_started_for_no_jobs() -> None:
    assert render_bounded("text", []) == []


def test_data_that_is_no_json_is_a_fault() -> None:
    cyclic: list[object] = []
    cyclic.append(cyclic)
    for value in (object(), cyclic, "\ud800", "x" * 9 * 1024 * 1024):
        assert isinstance(render_bounded("{{ v }}", [Job({"v": value}, autoescape=True)])[0], TemplateFault)


def test_the_child_knows_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nenv > "{tmp_path}/seen"\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("LUMO_SECRET_KEY", "hidden")
    monkeypatch.setattr("sys.executable", str(wrapper))
    assert render_bounded("{{ a }}", [Job({"a": "b"}, autoescape=True)]) == ["b"]
    assert "hidden" not in (tmp_path / "seen").read_text()
    assert "LUMO" not in (tmp_path / "seen").read_text()


def test_a_child_that_does_not_start_is_an_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    before, children = _open_files(), _children()
    with pytest.raises(OSError, match="does not start"):
        render_bounded("a", [Job({}, autoescape=True)])
    assert _open_files() == before
    assert _children() == children


def test_threads_leave_no_process_and_no_open_file() -> None:
    before, children = _open_files(), _children()
    sources = [HOSTILE["comparing in loops"], "{{ l|length }}", HOSTILE["doubled text"], "{{ s|length }}"] * 2
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(
            pool.map(lambda source: render_bounded(source, [Job(DATA, autoescape=True)], seconds=3), sources)
        )
    assert [outcome[0] for outcome in outcomes if isinstance(outcome[0], str)] == ["5000", "100000"] * 2
    assert _open_files() == before
    assert _children() == children


def test_the_parent_s_own_rendering_is_bounded_too() -> None:
    for name in ("nested loops", "output by repetition", "doubled text", "doubled list", "join", "find_replace"):
        with pytest.raises(TemplateFault):
            render(HOSTILE[name], DATA, autoescape=True)


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _children() -> list[str]:
    """The processes that this one started, those too that ended and were not waited for."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = stat.read_text().rpartition(") ")[2]
        except OSError:
            continue
        if rest.split()[1] == str(os.getpid()):
            found.append(stat.parent.name)
    return sorted(found)
