"""A comparison with real servers: for people as tables and lines, for programs as one document."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.table import Table
from rich.text import Text

from sim import __version__
from sim.conformance.cells import CellFile
from sim.conformance.diagnose import diagnosis
from sim.conformance.force import Confirmation
from sim.conformance.judge import Judged
from sim.conformance.matrix import NAMED, Arrangement
from sim.conformance.score import (
    Tally,
    by_kind,
    digest_of,
    not_covered,
    stack_of,
    stacks,
    tally,
)
from sim.errors import UserError
from sim.model.plain import fault, printable
from sim.model.scenario import Scenario
from sim.runs.keep import token_of

SCHEMA = "wsrace.conform.1"
SHOWN = 20
"""Disagreements that are told; the document holds all."""
_FIRST = 3
"""Lines without a cell of which the reason is told."""
_COLUMNS = 20
"""Unknown columns that are named."""
ERROR = "need_accept_first"
"""The error of issue #1061."""
STACK = ("python", "starlette", "stack", "server", "lib", "runtime")
ARRANGEMENT = ("kind", "point", "wait", "guard", "queued")
_HEADINGS = ("agree", "of", "%", "mixed inside", "of", "loss", "states")


def tell(judged: Sequence[Judged], file: CellFile) -> Iterator[str | Table]:
    """Yield everything that people are told. file: what the cells came from."""
    for number, stack in enumerate(stacks(judged), 1):
        yield f"[{number}] {printable(stack)}"
    yield agreement_table(judged)
    yield ""
    yield from summary_lines(tally(judged))
    yield from named_lines(judged)
    for reason, cells in (*not_covered(judged).items(), *_unread(file).items()):
        yield f"not covered ({cells:,}): {printable(reason)}"
    for column, cells in islice(file.unknown.items(), _COLUMNS):
        name = fault(repr(column[:100]))
        yield f"column {name} is not known and was ignored ({cells:,} cells)"
    if len(file.unknown) > _COLUMNS:
        yield f"{len(file.unknown) - _COLUMNS:,} more columns are not known: --json lists all"
    differing = disagreements(judged)
    for one in differing[:SHOWN]:
        yield ""
        yield from tell_disagreement(one)
    if len(differing) > SHOWN:
        yield f"\n{len(differing) - SHOWN:,} more disagreements: --json lists all"
    yield f"\ndigest: {digest_of(judged)}"


def agreement_table(judged: Sequence[Judged]) -> Table:
    """Return one row per stack and kind, and one for each whole stack.

    loss, states: of the covered cells those where they are as predicted.
    """
    table = Table(box=None)
    table.add_column("stack, kind")
    for name in _HEADINGS:
        table.add_column(name, justify="right")
    for number, group in enumerate(stacks(judged).values(), 1):
        label = Text(printable(f"[{number}] {group[0].cell.stack}"))
        table.add_row(label, *_numbers(group), style="bold")
        for kind, part in by_kind(group).items():
            table.add_row(Text(f"    {printable(kind)}"), *_numbers(part))
    table.add_row("all", *_numbers(judged), style="bold")
    return table


def _numbers(judged: Sequence[Judged]) -> list[str]:
    counts = tally(judged)
    return [
        str(counts.agreed),
        str(counts.unmixed),
        _percent(counts.share),
        str(counts.inside),
        str(counts.mixed),
        f"{sum(one.same_loss for one in judged)}/{counts.covered}",
        f"{counts.states_agreed}/{counts.states}",
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def summary_lines(counts: Tally) -> Iterator[str]:
    """Yield what the counts say, in sentences."""
    yield (
        f"{counts.agreed:,} of {counts.unmixed:,} unmixed cells agree "
        f"({_percent(counts.share)} %); {counts.covered:,} of {counts.cells:,} cells are covered"
    )
    if counts.mixed:
        size = counts.mean_size or 0
        yield (
            f"mixed cells: {counts.inside} of {counts.mixed} lie inside the predicted set, whose "
            f"mean size is {size:.2f}"
        )
    if counts.losing or counts.foretold:
        yield (
            f"message loss: {counts.losing:,} cells lose one; recall {_percent(counts.recall)} %, "
            f"precision {_percent(counts.precision)} %"
        )
    if counts.states:
        yield (
            f"states at the end: {counts.states_agreed:,} of {counts.states:,} as predicted "
            "(not scored)"
        )


def named_lines(judged: Iterable[Judged]) -> Iterator[str]:
    """Yield how often the arrangements that have a name ended in the error, beside what was
    predicted.
    """
    for one in judged:
        cell = one.cell
        what = NAMED.get(Arrangement(cell.kind, cell.point, cell.wait, cell.guard, cell.queued))
        if what is None or one.prediction is None:
            continue
        yield (
            f"{what}: {cell.outcomes.get(ERROR, 0)} of {cell.n} on {printable(cell.stack)} "
            f"({printable(cell.server)}, Python {printable(cell.python)}); predicted "
            f"{', '.join(sorted(one.prediction.classes))}"
        )


def disagreements(judged: Iterable[Judged]) -> list[Judged]:
    """Return the cells that have an answer which is not what was seen, or another loss."""
    return [
        one for one in judged if one.prediction is not None and not (one.agrees and one.same_loss)
    ]


def tell_disagreement(one: Judged) -> Iterator[str]:
    """Yield a disagreement in lines."""
    assert one.prediction is not None
    cell = one.cell
    seen = ", ".join(f"{name} {count}" for name, count in sorted(cell.outcomes.items()))
    yield printable(f"{stack_of(cell)}: {cell.label}")
    yield printable(
        f"  predicted {', '.join(sorted(one.prediction.classes))} (loses {one.prediction.loss}); "
        f"seen {seen} (loses {cell.loss})"
    )
    yield f"  explained: {printable(diagnosis(one))}"
    if (token := token_for(one)) is not None:
        yield f"  wsrace replay {token}"


def token_for(one: Judged) -> str | None:
    """Return the token of a run that gives what was predicted, None if it is too long for one."""
    if one.prediction is None:
        return None
    runs = one.prediction.runs
    unseen = [name for name in sorted(runs) if name not in one.cell.seen]
    try:
        return token_of(runs[(unseen or sorted(runs))[0]].record())
    except UserError:
        return None


def document_of(judged: Sequence[Judged], file: CellFile, bar: float) -> dict[str, Any]:
    """Return everything as one JSON document."""
    return {
        "schema": SCHEMA,
        "wsrace": __version__,
        "seed": 0,
        "digest": digest_of(judged),
        "bar": bar,
        **rows(judged, _unread(file)),
        "ignored_columns": dict(file.unknown),
    }


def _unread(file: CellFile) -> dict[str, int]:
    """Return why lines hold no cell, with how many they are; the first few by number."""
    reasons = {f"line {one.line}: {one.why}": 1 for one in file.unread[:_FIRST]}
    if rest := len(file.unread) - len(reasons):
        reasons["further lines that hold no cell"] = rest
    return reasons


def rows(judged: Sequence[Judged], extra: Mapping[str, int]) -> dict[str, Any]:
    """Return what was compared. extra: more reasons not to cover cells, with their numbers.

    cells, covered, agreed count all cells; `agreed` the unmixed ones that agree.
    """
    counts = tally(judged)
    return {
        "cells": counts.cells,
        "covered": counts.covered,
        "agreed": counts.agreed,
        **_counts(counts),
        "by_stack": _by_stack(judged),
        "disagreements": [_row(one) for one in disagreements(judged)],
        "not_covered": [
            {"reason": reason, "cells": cells}
            for reason, cells in (*not_covered(judged).items(), *extra.items())
        ],
    }


def _counts(counts: Tally) -> dict[str, Any]:
    return {
        "unmixed": counts.unmixed,
        "agreement": counts.share,
        "mixed": {
            "cells": counts.mixed,
            "inside": counts.inside,
            "mean_size": counts.mean_size,
        },
        "loss": {
            "cells": counts.losing,
            "recall": counts.recall,
            "precision": counts.precision,
        },
        "states": {"cells": counts.states, "agreed": counts.states_agreed},
    }


def _by_stack(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    found = []
    for group in stacks(judged).values():
        first, counts = group[0].cell, tally(group)
        found.append(
            {
                **{name: getattr(first, name) for name in STACK},
                "cells": counts.cells,
                "covered": counts.covered,
                "agreed": counts.agreed,
                **_counts(counts),
                "by_kind": {
                    kind: {"unmixed": part.unmixed, "agreed": part.agreed}
                    for kind, members in by_kind(group).items()
                    for part in (tally(members),)
                },
            }
        )
    return found


def _row(one: Judged) -> dict[str, Any]:
    assert one.prediction is not None
    cell = one.cell
    return {
        "cell": {name: getattr(cell, name) for name in (*STACK, *ARRANGEMENT)},
        "predicted": sorted(one.prediction.classes),
        "observed": dict(sorted(cell.outcomes.items())),
        "loss": {"predicted": one.prediction.loss, "observed": cell.loss},
        "explained": diagnosis(one),
        "token": token_for(one),
    }


# -- a run that was forced on a real server --------------------------------------------------------


def confirmation_lines(scenario: Scenario, found: Confirmation) -> Iterator[str]:
    """Yield what was done and what came of it. scenario: as the run was recorded."""
    forced, stack = found.forced, found.forced.stack
    yield (
        f"{scenario.name or 'a scenario'}: guard {scenario.guard}, recorded on {scenario.runtime}, "
        f"{scenario.server}: {forced.wanted}"
    )
    yield (
        f"forced on {stack.name}: {stack.server} ({stack.lib}), Python {stack.python}, Starlette "
        f"{stack.starlette}, runtime {stack.runtime}"
    )
    for one in forced.scenario.injections:
        how = f"{one.delay_ms:g} ms into" if one.placed == "armed" else "at"
        client = f" (client {one.client})" if forced.scenario.clients.count > 1 else ""
        yield f"  {one.do} {how} {one.at}, passing {one.nth}{client}"
    if forced.why:
        yield f"the model has no answer for this server: {forced.why}"
    else:
        yield f"the model for this server: {', '.join(sorted(forced.predicted))}"
    yield f"confirmed {found.confirmed} of {found.trials}"
    others = {name: count for name, count in found.seen.items() if name != forced.wanted}
    for name, count in sorted(others.items(), key=lambda one: (-one[1], one[0])):
        yield f"  {count} of {found.trials} ended otherwise: {name}"
    if others and not forced.expected and not forced.why:
        yield _difference(scenario, found)


def _difference(scenario: Scenario, found: Confirmation) -> str:
    """Say why the model does not expect the run here."""
    here = found.forced.scenario
    differs = [
        f"{name} {there} there, {now} here"
        for name, there, now in (
            ("runtime", scenario.runtime, here.runtime),
            ("server", scenario.server, here.server),
            ("Starlette", scenario.starlette, here.starlette),
        )
        if there != now
    ]
    if not differs:
        return "  placed at its probes the model ends otherwise too: its times decided it"
    return f"  as the model says: {'; '.join(differs)}"
