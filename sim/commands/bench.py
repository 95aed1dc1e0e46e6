"""The command `bench`: how fast sweeps are here, against references in the same run."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.table import Table

from sim.commands.measuring import Round, median, peak_mb, rounds, start_s, store_rate, trial_s
from sim.commands.measuring_searches import SearchRound, search_rounds
from sim.commands.terminal import DONE, Bar, show

_GROWTH: dict[str, tuple[str, tuple[int, ...]]] = {
    "clients": ("clients.count={}", (1, 10, 100)),
    "messages of each": ("sweep.values=[{}]", (2, 20, 200)),
    "window (ms)": ("window_ms={}", (1, 10, 100)),
}
_TRIALS = (1, 10, 100)
END_MS = 2_000
"""How far the search that is measured looks, in virtual time."""
_CLASSES = "classes per second of processor time"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured."""

    rounds: int
    trials: int
    """Of each round."""
    workers: int
    empty_per_s: float
    """Bare `trio.run`s of nothing per second of processor time."""
    bare_per_s: float
    """Trials per second of processor time, run and forgotten."""
    times_empty: float
    """A trial in units of a bare `trio.run`."""
    stored: float
    """Into a file, in batches: times the processor time of the bare loop."""
    supervised: float
    """By one supervised worker into a file: times the wall time of the bare loop."""
    speed_up: float
    """Of all workers against one, in wall time."""
    per_s: float
    """Trials per second of wall time with all workers."""
    main_us: float
    """Processor time of the process that gives work and records rows, in microseconds a trial."""
    row_bytes: float
    """The file of results, in bytes a trial."""
    store_per_s: float
    """Rows per second into a file, in batches of 100."""
    classes: int
    """Of the search that is measured."""
    classes_per_s: float
    """Classes per second of processor time, searched in one."""
    in_pieces: float
    """A search in pieces: times the processor time of one in one."""
    search_kept: float
    """In pieces into a file: times the processor time of one in pieces."""
    search_speed_up: float
    """Of all workers against one, in wall time."""
    search_main: float
    """Processor time of the process that cuts pieces off, as a share of the wall time of all
    workers."""
    start_s: float
    """Until a new worker has done its first trial."""
    peak_mb: float
    growth: dict[str, dict[int, float]]
    """Milliseconds of a trial, for each number of something."""


def run(workers: int, count: int, trials: int, as_json: bool) -> int:
    """Measure and tell; return the exit status."""
    with Bar("measuring", 2 * count + 4) as bar:
        found = _measured(workers, count, trials, lambda done, what: bar.tell(done, note=what))
    if as_json:
        click.echo(json.dumps(_document(found), sort_keys=True))
    else:
        show(_told(found))
    return DONE


def _measured(
    workers: int,
    count: int,
    trials: int,
    on_step: Callable[[int, str], None],
    end_ms: int = END_MS,
) -> Measured:
    found: list[Round] = []
    for one in rounds(count, trials, workers):
        found.append(one)
        on_step(len(found), f"round {len(found)} of {count}")
    growth = {}
    searches: list[SearchRound] = []
    for search in search_rounds(count, end_ms, workers):
        searches.append(search)
        on_step(count + len(searches), f"round {len(searches)} of {count}, searches")
    for done, (name, (setting, numbers)) in enumerate(_GROWTH.items(), 2 * count):
        on_step(done, f"growing {name}")
        growth[name] = {
            one: 1000 * trial_s([setting.format(one)], 1 + 20 // one) for one in numbers
        }
    growth["trials of a batch"] = {one: 1000 * trial_s([], one) for one in _TRIALS}
    of = found[0].trials
    return Measured(
        rounds=count,
        trials=of,
        workers=workers,
        empty_per_s=1 / median([one.empty_s for one in found]),
        bare_per_s=median([of / one.bare.cpu_s for one in found]),
        times_empty=median([one.bare.cpu_s / of / one.empty_s for one in found]),
        stored=median([one.stored.cpu_s / one.bare.cpu_s for one in found]),
        supervised=median([one.one / one.bare.wall_s for one in found]),
        speed_up=median([one.one / one.many.wall_s for one in found]),
        per_s=median([of / one.many.wall_s for one in found]),
        main_us=median([one.many.cpu_s / of * 1e6 for one in found]),
        row_bytes=found[-1].bytes,
        store_per_s=store_rate(),
        classes=searches[0].classes,
        classes_per_s=median([one.classes / one.in_one.cpu_s for one in searches]),
        in_pieces=median([one.here.cpu_s / one.in_one.cpu_s for one in searches]),
        search_kept=median([one.kept.cpu_s / one.here.cpu_s for one in searches]),
        search_speed_up=median([one.one / one.many.wall_s for one in searches]),
        search_main=median([one.many.cpu_s / one.many.wall_s for one in searches]),
        start_s=start_s(),
        peak_mb=peak_mb(),
        growth=growth,
    )


def _document(found: Measured) -> dict[str, Any]:
    growth = {name: {str(one): ms for one, ms in by.items()} for name, by in found.growth.items()}
    return {"schema": "wsrace.bench.1", **asdict(found), "growth": growth}


def _told(found: Measured) -> Iterator[str | Table]:
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for what, figure, note in (
        ("a bare trio.run", f"{found.empty_per_s:,.0f}", "per second of processor time"),
        ("a default trial", f"{found.bare_per_s:,.0f}", "per second of processor time"),
        ("", f"{found.times_empty:.1f}", "times a bare trio.run"),
        ("in batches, into a file", f"{found.stored - 1:+.1%}", "processor time"),
        ("by a supervised worker", f"{found.supervised - 1:+.1%}", "wall time"),
        (f"by {found.workers} of them", f"{found.speed_up:.2f}", "times one, in wall time"),
        ("", f"{found.per_s:,.0f}", "trials per second of wall time"),
        ("the process above them", f"{found.main_us:,.0f}", "microseconds of a trial"),
        ("a file of results", f"{found.store_per_s:,.0f}", "rows per second"),
        ("", f"{found.row_bytes:,.0f}", "bytes of a trial"),
        (f"a search of {found.classes:,} classes", f"{found.classes_per_s:,.0f}", _CLASSES),
        ("in pieces", f"{found.in_pieces - 1:+.1%}", "processor time"),
        ("into a file as well", f"{found.search_kept - 1:+.1%}", "processor time"),
        (f"by {found.workers} workers", f"{found.search_speed_up:.2f}", "times one, in wall time"),
        ("the process above them", f"{found.search_main:.1%}", "of that time"),
        ("a new worker", f"{found.start_s:.2f}", "s until its first trial is done"),
        ("memory", f"{found.peak_mb:,.0f}", "MB at most, of this process"),
    ):
        table.add_row(what, figure, note)
    yield table
    yield ""
    grown = Table(title="Processor time of a trial (ms)", box=None)
    grown.add_column("")
    for _ in range(3):
        grown.add_column(justify="right")
    for name, by in found.growth.items():
        grown.add_row(name, *(f"{one:,}: {ms:.2f}" for one, ms in by.items()))
    yield grown
    yield ""
    yield f"medians of {found.rounds} rounds of {found.trials:,} trials, one way after the other"
