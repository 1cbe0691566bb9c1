"""The report: Markdown tables that read in a terminal and can be pasted into a page, then what they come to."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Figures, Latency
from benchmarks.measuring import Row
from benchmarks.tables import table

Measured = Sequence[tuple[Row, Figures]]

_SPEED = (
    "row",
    "accepted/s",
    "delivered/s",
    "accept p50/p99 ms",
    "end to end p50/p99 ms",
    "lost",
    "repeated",
    "refused",
)
_LEAST_DELIVERED = 2500  # a second, at saturation
_LEAST_RATIO = 0.5  # to the floor
_LEAST_SHARE = 0.8  # of that ratio, with cards
_AIMED_AT = 1000  # a second; the two aims below are for the plain row at this rate
_MOST_ACCEPT_P99, _MOST_END_TO_END_P99 = 50, 150  # ms
_DISTURBING = 0.1  # cores


def describe(name: str, figures: Figures) -> str:
    """One run in one line, for whoever is watching."""
    cpu = " + ".join(f"{kind} {cost:.0f}" for kind, cost in figures.cpu.items())
    return (
        f"{name}: {figures.delivered:.0f}/s delivered, accept p99 {figures.accept.p99:.0f} ms,"
        f" end to end p99 {figures.end_to_end.p99:.0f} ms, CPU µs/message {cpu},"
        f" lost {figures.lost}, repeated {figures.repeated}, refused {figures.refused},"
        f" {figures.cores:.2f} cores used, {figures.elsewhere:.2f} by others"
    )


def tables(measured: Measured) -> str:
    """Speed, cost and memory of all rows, then the aims and what else there is to say."""
    parts = [
        table(_SPEED, [_speed(row, figures) for row, figures in measured]),
        _cost(measured),
        _memory(measured),
        "\n".join([*_aims(measured), *_remarks(measured)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _speed(row: Row, figures: Figures) -> list[str]:
    return [
        row.name,
        f"{figures.accepted:,.0f}",
        f"{figures.delivered:,.0f}",
        _pair(figures.accept),
        _pair(figures.end_to_end),
        str(figures.lost),
        str(figures.repeated),
        str(figures.refused),
    ]


def _cost(measured: Measured) -> str:
    kinds = _kinds(measured)
    rows = [
        [
            row.name,
            *_cells(figures.cpu, kinds),
            f"{_together(figures):.0f}",
            f"{figures.cores:.2f}",
            f"{figures.elsewhere:.2f}",
        ]
        for row, figures in measured
    ]
    return table(["CPU µs a message", *kinds, "together", "cores used", "by others"], rows)


def _together(figures: Figures) -> float:
    return sum(figures.cpu.values())


def _memory(measured: Measured) -> str:
    kinds = _kinds(measured)
    return table(["memory MiB", *kinds], [[row.name, *_cells(figures.memory, kinds)] for row, figures in measured])


def _kinds(measured: Measured) -> list[str]:
    return list(dict.fromkeys(kind for _, figures in measured for kind in figures.cpu))


def _cells(values: Mapping[str, float], kinds: Sequence[str]) -> list[str]:
    return [f"{values[kind]:.0f}" if kind in values else "" for kind in kinds]


def _aims(measured: Measured) -> Iterator[str]:
    """What the project promises, as far as these rows tell."""
    for row, figures in measured:
        if row.is_plain and row.rate == _AIMED_AT:
            yield _aim(f"Accept p99 at {row.name}", figures.accept.p99, most=_MOST_ACCEPT_P99, unit=" ms")
            yield _aim(f"End to end p99 at {row.name}", figures.end_to_end.p99, most=_MOST_END_TO_END_P99, unit=" ms")
    saturated = _find(measured, is_card=False, is_floor=False)
    if saturated:
        yield _aim("Delivered at saturation", saturated.delivered, least=_LEAST_DELIVERED, unit="/s")
    text, card = (_ratios(measured, is_card=is_card) for is_card in (False, True))
    if text:
        yield _aim("Ratio to the floor", text[0], least=_LEAST_RATIO)
        yield f"The same by CPU a message, which neighbours disturb less: {text[1]:.2f}."
    if card:
        yield f"Ratio to the floor with cards: {card[0]:.2f}; by CPU a message: {card[1]:.2f}."
    if text and card:
        yield _aim("Of the ratio without cards that is", card[0] / text[0], least=_LEAST_SHARE)


def _find(measured: Measured, *, is_card: bool, is_floor: bool) -> Figures | None:
    """The row at saturation of that kind."""
    for row, figures in measured:
        is_special = row.rate or row.is_slow or row.page_rate
        if not is_special and (row.is_card, row.is_floor) == (is_card, is_floor):
            return figures
    return None


def _ratios(measured: Measured, *, is_card: bool) -> tuple[float, float] | None:
    """The system's speed by the floor's, and the floor's CPU a message by the system's."""
    system, floor = (_find(measured, is_card=is_card, is_floor=is_floor) for is_floor in (False, True))
    if system is None or floor is None or not floor.delivered or not system.delivered:
        return None
    return system.delivered / floor.delivered, _together(floor) / _together(system)


def _aim(what: str, value: float, *, least: float = 0.0, most: float = float("inf"), unit: str = "") -> str:
    shown = f"{value:,.0f}" if unit else f"{value:.2f}"
    wanted = f"at least {least:,g}" if least else f"below {most:g}"
    is_met = value > 0 and least <= value < most  # 0: nothing arrived
    return f"{what}: {shown}{unit} (aim: {wanted}{unit}; {'met' if is_met else 'MISSED'})."


def _remarks(measured: Measured) -> Iterator[str]:
    for row, figures in measured:
        if row.page_rate:
            yield f"Django pages at {row.name}: p50/p99 {_pair(figures.pages)} ms, {figures.pages_failed} failed."
        if figures.elsewhere > _DISTURBING:
            yield f"Others used {figures.elsewhere:.2f} cores during {row.name}: its speed and latencies say little."


def _pair(latency: Latency) -> str:
    return f"{latency.p50:.0f} / {latency.p99:.0f}"
