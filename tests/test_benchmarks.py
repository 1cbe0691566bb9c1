"""The benchmark's own sums: a wrong figure would look like a fast system."""

import json
from pathlib import Path

import msgspec
import pytest

from benchmarks import rendering
from benchmarks.bodies import CARD_FILE, Bodies
from benchmarks.figures import Figures, Latency, Pushes, Reading, Window, figures, medians, percentile, read_log
from benchmarks.load import Result
from benchmarks.measuring import Row
from benchmarks.processes import Usage
from benchmarks.profiling import summarize
from benchmarks.report import describe, tables
from lumo.deliveries.ids import retry_key
from lumo.messaging import contract
from lumo.messaging.checking import check
from lumo.messaging.documents import Document
from lumo.messaging.get_json import build_message_body
from lumo.messaging.push_request import build_message_push, build_push

ACCOUNTS = {"oa_aaaaaaaaaaaaaaaa": 1, "oa_bbbbbbbbbbbbbbbb": 2}


def test_the_bodies_of_the_load_are_what_a_flow_posts() -> None:
    bodies = Bodies(list(ACCOUNTS))
    read = [contract.read(bodies.make(number, 1_790_000_000.5)) for number in range(4)]
    assert [contract.find_fault(body, accounts=ACCOUNTS) for body in read] == [None] * 4
    assert [contract.resolve_account(body, accounts=ACCOUNTS) for body in read] == [1, 2, 1, 2]
    assert [body.event for body in read] == [f"{number}-1790000000.500" for number in range(4)]
    message = json.loads(build_push(read[0], to=read[0].recipient()))["messages"][0]["text"]
    assert message.startswith("花子 様、")
    assert message.endswith("https://shop.example/cart/c/1f0c2c9b7b2f4b4e?key=7f3a")
    assert 4000 < len(bodies.make(0, 0.0)) < 5000


def test_the_bodies_with_cards_are_what_get_json_renders_to() -> None:
    document = msgspec.convert({name: value for name, value in CARD_FILE.items() if name != "name"}, Document)
    check(document)
    bodies = Bodies(list(ACCOUNTS), message="asm_1")
    raw = bodies.make(7, 1.0)
    body = contract.read(raw)
    assert contract.find_fault(body, accounts=ACCOUNTS, messages=["asm_1"]) is None
    pasted = json.loads(build_message_body(document, message="asm_1", placement="pl_1", account="oa_1", number=1))
    assert [list(slot) for slot in json.loads(raw)["products"]] == [list(slot) for slot in pasted["products"]]
    [message] = json.loads(build_message_push(document, body, to=body.recipient()))["messages"]
    bubbles = message["contents"]["contents"]
    assert len({bubble["body"]["contents"][0]["text"] for bubble in bubbles}) == 12
    assert all(bubble.keys() >= {"hero", "body", "footer"} for bubble in bubbles)
    assert "a card of 12 products" in rendering.describe()


def test_no_two_bodies_of_the_load_are_duplicates() -> None:
    bodies = Bodies(list(ACCOUNTS))
    raw = [bodies.make(number, 1.0) for number in (0, 1, 100_000, 100_001)]  # users come again, events do not
    keys = {contract.dedupe_key(contract.read(body), body, connection_id=1, flow_id="f", account_id=1) for body in raw}
    assert len(keys) == len(raw)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 99, 0.0),
        ([7.0], 50, 7.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([4.0, 3.0, 2.0, 1.0], 50, 2.0),
        ([float(value) for value in range(1, 101)], 99, 99.0),
        ([float(value) for value in range(1, 102)], 99, 100.0),
        ([1.0, 2.0], 100, 2.0),
    ],
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[float], percent: int, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_lines_log_tells_first_acceptances_and_repeats(tmp_path: Path) -> None:
    log = tmp_path / "pushes.log"
    log.write_text("10.5 0.001 200 512 a\n10.6 0.001 500 512 b\n10.7 0.001 200 512 a\n10.8 0.001 200 512 b\n")
    assert read_log(log) == Pushes(first={"a": 10.5, "b": 10.8}, times=[10.5, 10.7, 10.8], repeated=1)


def test_a_run_is_counted_within_its_window_and_its_losses_anywhere() -> None:
    made = figures(*_run(), Window(10.0, 2.0))
    assert (made.accepted, made.delivered) == (1.0, 1.0)  # two of each within two seconds
    assert _in_ms(made.accept) == (20, 50)  # of those due within the window
    assert _in_ms(made.end_to_end) == (80, 80)  # the other one never arrived
    assert (made.lost, made.repeated, made.refused, made.pages_failed) == (1, 1, 2, 1)
    assert _in_ms(made.pages) == (30, 30)
    assert made.cpu == {"ingest": 500_000.0}  # one second for two messages
    assert (made.cores, made.elsewhere) == (0.5, 0.25)
    assert made.memory == {"ingest": 3.0}


def test_of_several_runs_speed_is_the_median_and_trouble_the_sum() -> None:
    runs = [
        _figures(delivered=speed, lost=lost, cpu=cost) for speed, lost, cost in ((10, 0, 3), (30, 1, 1), (20, 1, 2))
    ]
    typical = medians(runs)
    assert (typical.delivered, typical.lost, typical.cpu) == (20.0, 2, {"ingest": 2.0})
    assert typical.accept == runs[0].accept


def test_the_report_has_every_row_and_says_which_aims_were_missed() -> None:
    measured = [
        (Row(name="1,000/s", rate=1000), _figures(delivered=1000)),
        (Row(name="with pages", rate=1000, page_rate=10), _figures(delivered=990)),
        (Row(name="saturation", rate=0), _figures(delivered=2400)),
        (Row(name="floor", rate=0, is_floor=True), _figures(delivered=3000, kind="floor")),
        (Row(name="cards", rate=0, is_card=True), _figures(delivered=1000)),
        (Row(name="floor, cards", rate=0, is_floor=True, is_card=True), _figures(delivered=2000, cpu=50)),
    ]
    lines = tables(measured).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert ["saturation", "2,400", "2,400", "12 / 34", "56 / 178", "0", "0", "0"] in cells
    assert ["floor", "", "100", "100", "1.50", "0.20"] in cells  # its CPU: no ingest, floor, together, cores, others
    assert [line for line in lines if "aim:" in line] == [
        "Accept p99 at 1,000/s: 34 ms (aim: below 50 ms; met).",
        "End to end p99 at 1,000/s: 178 ms (aim: below 150 ms; MISSED).",
        "Delivered at saturation: 2,400/s (aim: at least 2,500/s; MISSED).",
        "Ratio to the floor: 0.80 (aim: at least 0.5; met).",
        "Of the ratio without cards that is: 0.62 (aim: at least 0.8; MISSED).",
    ]
    assert "Ratio to the floor with cards: 0.50; by CPU a message: 0.50." in lines
    assert "The same by CPU a message, which neighbours disturb less: 1.00." in lines
    assert "Others used 0.20 cores during saturation: its speed and latencies say little." in lines
    assert "Django pages at with pages: p50/p99 7 / 8 ms, 3 failed." in lines
    assert "lost 0" in describe("saturation", measured[2][1])


def test_a_system_that_delivers_nothing_meets_no_aim() -> None:
    silent = _figures(delivered=0, latency=Latency(0.0, 0.0))
    told = tables([(Row(name="1,000/s", rate=1000), silent), (Row(name="saturation", rate=0), silent)])
    assert told.count("MISSED") == told.count("aim:") == 3


def test_a_profile_starts_below_the_event_loop() -> None:
    loop = "main (a.py:1);Runner.run (asyncio/runners.py:9)"
    told = summarize(f"{loop};send (b.py:2);write (c.py:3) 3\n{loop};send (b.py:4) 1\n").splitlines()
    assert told == [
        "Innermost function:",
        " 75.0%  write (c.py)",
        " 25.0%  send (b.py)",
        "",
        "Function with all that it calls:",
        "100.0%  send (b.py)",
        " 75.0%  write (c.py)",
    ]


def _in_ms(latency: Latency) -> tuple[int, int]:
    return round(latency.p50), round(latency.p99)


def _run() -> tuple[Result, Pushes, Reading, Reading]:
    """Before the window one message; within it two (one never arrives) and two refusals; of two pages one fails."""
    result = Result(
        started_at=8.0,
        planned=[9.0, 10.0, 10.5, 11.0, 11.5],
        answered=[9.01, 10.02, 10.55, 11.01, 0.0],
        statuses=[202, 202, 202, 503, 0],
        ids=[1, 2, 3, 0, 0],
        connections=1,
        page_planned=[10.0, 11.0],
        page_answered=[10.03, 0.0],
        page_statuses=[200, 0],
    )
    first = {retry_key(1): 9.5, retry_key(2): 10.08}
    pushes = Pushes(first=first, times=[9.5, 10.08, 11.9], repeated=1)
    before = Reading({"ingest": Usage(cpu=1.0, memory=0)}, machine=10.0)
    after = Reading({"ingest": Usage(cpu=2.0, memory=3 * 2**20)}, machine=11.5)
    return result, pushes, before, after


def _figures(
    *, delivered: float, lost: int = 0, cpu: float = 100.0, kind: str = "ingest", latency: Latency | None = None
) -> Figures:
    return Figures(
        accepted=float(delivered),
        delivered=float(delivered),
        accept=latency or Latency(12.0, 34.0),
        end_to_end=latency or Latency(56.0, 178.0),
        pages=Latency(7.0, 8.0),
        cores=1.5,
        elsewhere=0.2,
        lost=lost,
        repeated=0,
        refused=0,
        pages_failed=3,
        cpu={kind: float(cpu)},
        memory={kind: 50.0},
    )
