"""What all figures are drawn on and written with: pages, grids of panels, texts and axes."""

import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sim.report.plots.looks import SETTINGS, Look, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FAILING = "runs that fail (%)"
SMALL = 7.0
"""Size of small print, in points."""


def save(figure: "Figure", folder: Path, stem: str) -> tuple[Path, Path]:
    """Write a figure to `folder` as STEM.png (150 dots per inch) and STEM.svg; return the paths.

    The same figure gives the same bytes, today and tomorrow: no date, no version, no chance.
    Makes the folder if need be. Raises ValueError if `stem` is not a plain file name, OSError if
    the files cannot be written.
    """
    if stem in ("", "..") or Path(stem).name != stem:
        raise ValueError(f"not the name of a file: {stem!r}")
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{stem}.png", folder / f"{stem}.svg"
    with settings():
        figure.savefig(png, format="png", dpi=150, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return png, svg


def to_png(figure: "Figure", dpi: int) -> bytes:
    """Return a figure as PNG, the same bytes for the same figure. dpi: dots per inch."""
    with settings():
        written = BytesIO()
        figure.savefig(written, format="png", dpi=dpi, metadata={"Software": None})
        return written.getvalue()


def to_svg(figure: "Figure") -> str:
    """Return a figure as SVG whose texts are texts: they can be searched, copied and read aloud.

    The same figure gives the same text. Its letters are those of whoever shows it.
    """
    import matplotlib

    with settings(), matplotlib.rc_context({"svg.fonttype": "none"}):
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        return written.getvalue()


@contextmanager
def settings() -> Iterator[None]:
    """Draw with our settings and matplotlib's own defaults, whatever a matplotlibrc says."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        # A character that the font lacks becomes a box; that is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def new_figure(
    width: float, height: float, layout: Literal["constrained"] | None = None
) -> "Figure":
    """Return an empty figure of this size in inches. layout: who arranges its axes, None nobody."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def grid_of(
    count: int, limit: int, size: tuple[float, float], beside: float
) -> "tuple[Figure, list[Axes]]":
    """Return a figure with `count` axes of `size` inches, at most `limit` in a row, and its axes.

    beside: room to the right of them, in inches.
    """
    lines = -(-count // limit)
    columns = -(-count // lines)
    figure = new_figure(max(columns * size[0] + beside, 5.0), lines * size[1] + 0.8, "constrained")
    grid = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for spare in grid[count:]:
        spare.remove()
    return figure, grid[:count]


def finish(figure: "Figure", title: str, note: str, small: str) -> "Figure":
    """Add the title and the small print, and lay the figure out once and for all; return it.

    note, small: the lines of the small print; those that are empty are left out.
    """
    width = 72 * figure.get_figwidth() - 24
    above, below = wrap(title, width, 11, 200), small_print(width, note, small)
    figure.suptitle(above, size=11, x=0.01, ha="left")
    figure.supxlabel(below, size=SMALL, x=0.01, ha="left")
    # Long texts make the figure taller, not the panels smaller.
    lines = 0.19 * above.count("\n") + 0.12 * below.count("\n")
    figure.set_figheight(figure.get_figheight() + lines)
    figure.draw_without_rendering()
    # Laying out again from there would move things by a hair, and two files would differ.
    figure.set_layout_engine("none")
    return figure


def head(axes: "Axes", title: str, width: float) -> None:
    """Write a title over a panel that is `width` inches wide."""
    axes.set_title("\n".join(wrap(line, 72 * width - 40, 9, 200) for line in title.split("\n")))


def small_print(width: float, *texts: str) -> str:
    """Return texts as small print that is `width` points wide, without those that are empty."""
    return "\n".join(wrap(text, width, SMALL, 600) for text in texts if text)


def wrap(text: str, width: float, size: float, limit: int) -> str:
    """Return a text of at most `limit` characters, broken so that it is `width` points wide.

    size: of its letters, in points.
    """
    line = plain(text, limit)
    columns = int(width / (0.5 * size))
    while True:
        lines = textwrap.wrap(line, columns)
        if columns < 8 or all(text_width(one, size) <= width for one in lines):
            return "\n".join(lines)
        columns -= 1 + columns // 20


def text_width(text: str, size: float) -> float:
    """Return how wide a text is, in points. size: of its letters, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text or " ", font, ismath=False)
    return float(width)


def rate_axis(axes: "Axes", label: str) -> None:
    """Make the y axis one of per cent; `label` stands only at the first of a row."""
    axes.set_ylim(-3, 103)
    axes.set_yticks(range(0, 101, 20))
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    if is_first(axes):
        axes.set_ylabel(label)


def is_first(axes: "Axes") -> bool:
    """Whether these axes are the first of their row."""
    spec = axes.get_subplotspec()
    return spec is not None and spec.is_first_col()


def rotation(values: Sequence[float]) -> float:
    """Return by how many degrees the labels of these values must be turned to have room."""
    return 90 if max(len(f"{value:g}") for value in values) > 3 else 0


def line_style(look: Look) -> dict[str, Any]:
    """Return a look as the arguments that matplotlib takes for a line."""
    return {
        "color": look.colour,
        "marker": look.marker,
        "linestyle": look.line,
        "linewidth": 1.3 if look.marker else 0.9,
        "markersize": 5,
        "markerfacecolor": "white" if look.hollow else look.colour,
    }


def handle(label: str, look: Look) -> "Line2D":
    """Return the entry of a legend for a look."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **line_style(look))
