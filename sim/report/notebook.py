"""How what was found shows itself in a notebook: `%load_ext sim` registers it.

The classes themselves know nothing of it, so that running and searching import no template. The
text that a terminal would show stays beside the HTML, for viewers that show none.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.exploration.check import Checked
from sim.exploration.counterexample import Counterexample
from sim.exploration.verdict import Exploration
from sim.report.html.environment import visible
from sim.report.html.grids import html_table
from sim.report.plots.canvas import to_png
from sim.report.plots.pictures import Picture, pictures_of
from sim.report.text import check, exact
from sim.report.text.explore import telling
from sim.report.text.replay import heading_of
from sim.report.text.reproduce import rates_table, sentences
from sim.report.text.validate import decision_lines, validation_table
from sim.report.trace.text import lines
from sim.runs.subject import Record
from sim.sweep.exact.rate import ExactRate
from sim.sweep.exact.reproduce import ExactReproduction
from sim.sweep.reproduce import Reproduction
from sim.validation.criteria import Validation

DPI = 110
"""Dots per inch of a figure in a notebook."""
MOST = 100_000
"""Characters of one text that are shown."""
Part = str | Text | Table | Picture


def register(shell: Any) -> None:
    """Tell an IPython shell how to show what wsrace finds, and matplotlib's figures as PNG."""
    formatters = shell.display_formatter.formatters
    for kind, told in PARTS.items():
        formatters["text/html"].for_type(kind, _as_html(told))
        formatters["text/plain"].for_type(kind, _as_text(told))
    formatters["image/png"].for_type_by_name("matplotlib.figure", "Figure", _png)


def as_html(found: object) -> Markup:
    """Return what a notebook shows of something that was found. Raises KeyError for anything else.

    found: a Reproduction, ExactReproduction, ExactRate, Exploration, Counterexample, Record,
    Validation, or what was found of an application.
    """
    return _as_html(PARTS[type(found)])(found)


def _reproduction(found: Reproduction) -> Iterable[Part]:
    yield rates_table(found.summary)
    if len(found.scenarios) == 1:
        yield from (one for one in pictures_of(found) if one.name.startswith("rate-"))
    yield from sentences(found.summary)
    trials = f"{len(found.rows):,} trials, seed {found.task.seed}"
    yield f"{trials}, digest {found.summary.digest[:12]}"


def _exact(found: ExactReproduction) -> Iterable[Part]:
    return (one if isinstance(one, Table) else str(one) for one in exact.tell(found))


def _exploration(found: Exploration) -> Iterable[Part]:
    yield f"{found.guard}: {found.words()}"
    if found.because():
        yield f"because: {found.because()}"


def _record(found: Record) -> Iterable[Part]:
    yield heading_of(found)
    yield f"outcome: {found.outcome.label}, digest {found.digest[:12]}"
    yield from pictures_of(found)
    yield "\n".join(lines(found))


def _validation(found: Validation) -> Iterable[Part]:
    yield validation_table(found)
    yield from decision_lines(found, lambda reason: "")


PARTS: Mapping[type, Callable[[Any], Iterable[Part]]] = {
    Reproduction: _reproduction,
    ExactReproduction: _exact,
    ExactRate: lambda found: [exact.told_rate(found)],
    Exploration: _exploration,
    Counterexample: telling,
    Record: _record,
    Validation: _validation,
    Checked: check.tell,
}
"""What is told of each kind of thing, as lines of text and tables."""


def _png(figure: Any) -> bytes:
    return to_png(figure, DPI)


def _as_html(told: Callable[[Any], Iterable[Part]]) -> Callable[[Any], Markup]:
    def written(found: Any) -> Markup:
        return Markup("\n").join(map(_part, told(found)))

    return written


def _part(part: Part) -> Markup:
    if isinstance(part, Table):
        return html_table(part)
    if isinstance(part, Picture):
        data = b64encode(to_png(part.draw(), DPI)).decode()
        alt = escape(visible(f"{part.title}. {part.note}"))
        return Markup(f'<img alt="{alt}" src="data:image/png;base64,{data}">')
    text = escape(visible(str(part), MOST))
    if "\n" in text:
        count = text.count("\n") + 1
        return Markup(f"<details><summary>{count} lines</summary><pre>{text}</pre></details>")
    return Markup(f"<p>{text.strip()}</p>")


def _as_text(told: Callable[[Any], Iterable[Part]]) -> Callable[[Any, Any, bool], None]:
    def written(found: Any, printer: Any, cycle: bool) -> None:
        console = Console(width=140, color_system=None, force_jupyter=False)
        with console.capture() as shown:
            for part in told(found):
                if isinstance(part, Picture):
                    continue
                console.print(part, highlight=False, markup=False, emoji=False)
        printer.text(shown.get().rstrip())

    return written
