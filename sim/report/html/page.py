"""A page: one self-contained HTML file, from plain parts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from markupsafe import Markup

from sim import __version__
from sim.report.html.cases import Case
from sim.report.html.environment import inline, render, visible
from sim.report.html.sources import Snippet


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot in a page, and what it shows as a table."""

    name: str
    drawing: Markup
    table: Markup


@dataclass(frozen=True, slots=True)
class Page:
    """What stands in a page; sections that have nothing in them are left out.

    summary: sentences. tables: under the heading `table_title`. again: commands. limits: what the
    figures do not say.
    """

    title: str
    about: str
    summary: Sequence[str]
    table_title: str
    tables: Sequence[Markup]
    again: Sequence[str]
    limits: Sequence[str]
    figures: Sequence[Figure] = ()
    cases: Sequence[Case] = ()

    @property
    def has_windows(self) -> bool:
        """Whether there is something shaded: a handler of somebody's own has no window."""
        return any(run.lanes.windows for case in self.cases for run in case.runs)

    @property
    def made(self) -> str:
        """Who made the page."""
        return f"Made by wsrace {__version__}. The same source gives the same bytes."


def _plain(snippet: Snippet) -> Mapping[str, object]:
    """Return a snippet for the script, with everything in it to be seen."""
    lines = [visible(line.expandtabs()) for line in snippet.lines]
    return {**asdict(snippet), "lines": lines}


def html_of(page: Page) -> str:
    """Return a page as HTML: no network is needed to show it, and none is asked."""
    sources = {
        where: _plain(snippet) for case in page.cases for where, snippet in case.sources.items()
    }
    return render(
        "page.html.j2",
        page=page,
        sources=sources,
        style=inline("style.css"),
        script=inline("script.js"),
    )
