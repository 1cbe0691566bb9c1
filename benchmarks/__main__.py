"""`python -m benchmarks`: measure the rows, print the report. README.md says what each row means."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from benchmarks import rendering
from benchmarks.figures import Figures, medians
from benchmarks.measuring import Conditions, Row, run_row
from benchmarks.processes import BenchError
from benchmarks.report import describe, tables

ROWS = (
    Row(name="300/s", rate=300),
    Row(name="1,000/s", rate=1000),
    Row(name="1,000/s, LINE after 150 ms", rate=1000, is_slow=True),
    Row(name="1,000/s beside 10 pages/s", rate=1000, page_rate=10),
    Row(name="saturation", rate=0),
    Row(name="floor, saturation", rate=0, is_floor=True),
    Row(name="saturation, 12 cards", rate=0, is_card=True),
    Row(name="floor, 12 cards", rate=0, is_floor=True, is_card=True),
)
_FULL, _QUICK = (10.0, 60.0, 3), (3.0, 10.0, 1)


@click.command()
@click.option("--quick", is_flag=True, help="10 s after 3 s of warm-up, once, instead of 60 s after 10 s, three times.")
@click.option("--row", "names", multiple=True, type=click.Choice([row.name for row in ROWS]), help="Only these rows.")
@click.option("--rate", "rates", multiple=True, type=float, help="Only open-loop rows at these rates.")
@click.option("--in-flight", default=1000, show_default=True, help="Messages under way at saturation.")
@click.option("--workers", default=max(1, (os.cpu_count() or 1) - 1), show_default=True, help="Sending processes.")
@click.option("--streams", default=128, show_default=True, help="Pushes that one HTTP/2 connection to LINE carries.")
@click.option("--profile", "with_profile", is_flag=True, help="Sample ingest and worker with py-spy; costs some speed.")
@click.option("--keep", is_flag=True, help="Keep the folder with logs, databases and records of all runs.")
def main(
    *, quick: bool, names: Sequence[str], rates: Sequence[float], keep: bool, with_profile: bool, **limits: int
) -> None:
    """Measure Lumo between an open-loop load and a stand-in for LINE, all on this machine."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    warm_up, seconds, times = _QUICK if quick else _FULL
    conditions = Conditions(warm_up=warm_up, seconds=seconds, with_profile=with_profile, **limits)
    chosen = [row for row in ROWS if not names or row.name in names]
    rows = [Row(name=f"{rate:,g}/s", rate=rate) for rate in rates] or chosen
    click.echo(
        f"{os.cpu_count()} cores; {seconds:.0f} s after {warm_up:.0f} s of warm-up, median of {times};"
        f" {conditions.workers} sending process(es)."
    )
    try:
        with _folder(keep=keep) as folder:
            measured = _measure(rows, conditions, times=times, folder=folder, keep=keep)
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"\n{tables(measured)}\n{rendering.describe()}")


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lumo-bench-", dir="/var/tmp"))  # a real disk: /tmp may be memory
    folder.chmod(0o755)  # PostgreSQL's user has to reach its data
    try:
        yield folder
    finally:
        if keep:
            click.echo(f"Everything is kept in {folder}.")
        else:
            shutil.rmtree(folder)


def _measure(
    rows: Sequence[Row], conditions: Conditions, *, times: int, folder: Path, keep: bool
) -> list[tuple[Row, Figures]]:
    """Run every row, then every row again: what disturbs the machine for a while disturbs all of them."""
    runs: dict[str, list[Figures]] = {row.name: [] for row in rows}
    for time in range(times):
        for number, row in enumerate(rows):
            run_folder = folder / f"{number}-{time}"
            runs[row.name].append(run_row(row, conditions, run_folder))
            click.echo(describe(row.name, runs[row.name][-1]))
            for profile in sorted(run_folder.glob("profile-*.txt")):
                click.echo(f"\n{profile.stem}: {profile.read_text(encoding='utf-8')}")
            if not keep:
                shutil.rmtree(run_folder)
    return [(row, medians(runs[row.name])) for row in rows]


if __name__ == "__main__":
    main()
