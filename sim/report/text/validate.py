"""What a validation plan comes to, for people."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from sim.model.plain import printable
from sim.validation.criteria import SHARES, UNITS, Judgement, Reason, Validation

_VERDICTS = {True: ("pass", "green"), False: ("FAIL", "red"), None: ("not known", "yellow")}


def validation_table(found: Validation) -> Table:
    """Return one row per criterion: what is asked, the figure, pass or fail."""
    table = Table(box=None)
    for name in ("phase", "criterion", "asked"):
        table.add_column(name)
    for name in ("figure", "of"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in found.judgements:
        word, style = _VERDICTS[one.passes]
        table.add_row(
            Text(printable(one.phase)),
            one.criterion.replace("_", " "),
            asked(one),
            shown(one),
            f"{one.of:,}" if one.of > 1 else "",
            Text(word, style=style),
        )
    return table


def asked(one: Judgement) -> str:
    """Return what a criterion asks for, in words."""
    least = one.bound.at_least
    word, value = ("at least", least) if least is not None else ("at most", one.bound.at_most or 0)
    figure = f"{100 * value:g} %" if one.criterion in SHARES else f"{value:g}"
    return f"{word} {figure} {UNITS[one.criterion]}"


def shown(one: Judgement) -> str:
    """Return the figure of a criterion."""
    if one.figure is None:
        return "-"
    if one.criterion in SHARES:
        return f"{100 * one.figure:.2f} %"
    return f"{one.figure:,.2f}" if one.criterion == "overhead_us" else f"{one.figure:,.0f}"


def decision_lines(found: Validation, why: Callable[[Reason], str], who: str = "") -> Iterator[str]:
    """Yield go or no-go, and what goes wrong. why: says more of a reason, or "". who: what is
    judged; the guard unless it is named.
    """
    who = who or printable(found.guard)
    failing = [one for one in found.judgements if one.passes is False]
    if failing:
        yield f"no-go: {who} fails {_names(failing)}"
    else:
        yield f"go: {who} passes every criterion that is known"
    for reason in found.reasons:
        yield f"  {printable(reason.text)}"
        if more := why(reason):
            yield f"    {printable(more)}"
    yield from unknown_lines(found)


def unknown_lines(found: Validation) -> Iterator[str]:
    """Yield the criteria that are not known, by why."""
    for why in dict.fromkeys(one.why for one in found.unknown):
        names = _names(one for one in found.unknown if one.why == why)
        yield f"  not known here: {names}{f' ({why})' if why else ''}"


def _names(judgements: Iterable[Judgement]) -> str:
    return ", ".join(dict.fromkeys(one.criterion.replace("_", " ") for one in judgements))


def criteria_rows(found: Validation) -> list[dict[str, Any]]:
    """Return a row of the document for each criterion."""
    return [
        {
            "phase": one.phase,
            "criterion": one.criterion,
            **one.bound.model_dump(exclude_none=True),
            "figure": one.figure,
            "of": one.of,
            "passes": one.passes,
            "not_known": one.why or None,
        }
        for one in found.judgements
    ]
