"""The figures: the only package that imports matplotlib, inside functions, when one is drawn.

Every figure is a `matplotlib.figure.Figure` of its own, never pyplot's. The look does not depend
on anybody's matplotlibrc, and no text is ever read as mathematics.
Unlike other inner packages this one has names of its own, so that callers need not know its parts.
"""

from typing import TYPE_CHECKING

from sim.report.plots.before_after import before_and_after
from sim.report.plots.canvas import save, to_png, to_svg
from sim.report.plots.heat import heat_map
from sim.report.plots.lanes import Lane, Mark, Span
from sim.report.plots.measures import shares
from sim.report.plots.rates import rate_by_axis
from sim.report.plots.timelines import timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure

__all__ = [
    "Lane",
    "Mark",
    "Span",
    "before_and_after",
    "heat_map",
    "rate_by_axis",
    "save",
    "shares",
    "timeline",
    "to_png",
    "to_svg",
]
