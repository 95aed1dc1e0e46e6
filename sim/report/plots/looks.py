"""What all figures share: the look of a guard, numbers and words as they stand in figures.

Plain values only; `sim.report.plots` draws with them.
"""

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Dashes = tuple[float, tuple[float, ...]]
SOLID: Dashes | str = "solid"
DASH_DOT: Dashes = (0, (7, 2, 1.5, 2))
DOTS: Dashes = (0, (1, 1.6))
LONG: Dashes = (0, (9, 2))


@dataclass(frozen=True, slots=True)
class Look:
    """How a guard is drawn. line: a dash pattern. hollow: whether its marker is left white."""

    colour: str
    marker: str
    line: Dashes | str = SOLID
    hollow: bool = False


# Colours of Okabe and Ito, "Color Universal Design" (2008), which the colour-blind can tell apart.
# Where two are alike in grey, one has a hollow marker and another line.
LOOKS = {
    "none": Look("#000000", "o"),
    "pre-fix": Look("#D55E00", "s"),
    "post-fix": Look("#0072B2", "^", LONG),
    "both-states": Look("#009E73", "D", DASH_DOT, hollow=True),
    "both-no-hop": Look("#56B4E9", "v", SOLID, hollow=True),
    "catch": Look("#E69F00", "P", LONG),
    "raw": Look("#CC79A7", "X", DOTS, hollow=True),
}
CLOSED_FORM = Look("#333333", "", (0, (3, 2)))
SPARE_COLOURS = ("#444444", "#882255", "#117733", "#332288", "#888888")
SPARE_MARKERS = ("<", ">", "h", "*", "p", "d", "8")

TINTS = ("#BFDCEB", "#F6DFA4", "#BFE3D3", "#F2C4A8", "#E3C9DB", "#D9D9D9", "#F7F2B0", "#A9BFD6")
"""Light colours for states, under dark text."""

SETTINGS: Any = {
    "text.parse_math": False,
    "text.usetex": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.7,
    "svg.hashsalt": "wsrace",
    "svg.fonttype": "path",
}
"""Of matplotlib, on top of its own defaults. Mathematics is off: a "$" is a dollar."""


def looks(guards: Iterable[str]) -> dict[str, Look]:
    """Return a look for each guard: always the same for those of wsrace, others in turn."""
    found: dict[str, Look] = {}
    spare = 0
    for guard in guards:
        if guard in LOOKS:
            found[guard] = LOOKS[guard]
            continue
        colour = SPARE_COLOURS[spare % len(SPARE_COLOURS)]
        found[guard] = Look(colour, SPARE_MARKERS[spare % len(SPARE_MARKERS)], DOTS)
        spare += 1
    return found


def plain(text: str, limit: int = 40) -> str:
    """Return `text` in one line of at most `limit` characters, its middle left out if need be.

    Control characters become spaces: no font has them, and in SVG they are not allowed.
    """
    printable = (" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    line = " ".join("".join(printable).split())
    if len(line) <= limit:
        return line
    tail = (limit - 1) // 2
    return f"{line[: limit - 1 - tail]}…{line[len(line) - tail :]}"


def axis_label(axis: str, unit: str) -> str:
    """Return what stands at an axis, for example "window (ms)" for window_ms in ms."""
    first = unit.partition(" ")[0]
    name = plain(axis.removesuffix(f"_{first}").replace("_", " "), 24)
    return f"{name} ({plain(unit, 32)})" if unit else name


def percent(rate: float) -> str:
    """Return a rate in per cent without decimals; only exactly none is "0", only all "100"."""
    if 0 < rate <= 0.005:
        return "<1"
    if 0.995 <= rate < 1:
        return ">99"
    return f"{100 * rate:.0f}"


def signed(value: float) -> str:
    """Return a number with its sign, and with a decimal only between -1 and 1."""
    text = f"{value:+.1f}" if abs(value) < 1 else f"{value:+.0f}"
    return text.replace("-", "−") if float(text) else "0"


def positions(values: Iterable[float]) -> dict[float, float]:
    """Return where the values of an axis stand, in ascending order.

    To scale if each has room beside its neighbours, for example 0, 5, 10, 15, 20; evenly spaced
    if not, for example 0, 0.5, 1, 2, 20.
    """
    ordered = sorted(set(values))
    span = ordered[-1] - ordered[0]
    if all(after - before > 0.07 * span for before, after in pairwise(ordered)):
        return {value: value for value in ordered}
    return {value: float(index) for index, value in enumerate(ordered)}


def to_scale(places: Mapping[float, float]) -> bool:
    """Whether values stand as far apart as they are, as `positions` placed them."""
    steps = [(after - before, places[after] - places[before]) for before, after in pairwise(places)]
    return all(math.isclose(a * steps[0][1], b * steps[0][0]) for a, b in steps)


def side_by_side(places: Sequence[float], count: int) -> tuple[list[float], float]:
    """Return by how much each of `count` guards is shifted, and the room beside the outer places.

    The shifts tell lines apart that coincide; all guards of one place stay nearer to it than to
    the next.
    """
    span = places[-1] - places[0] or 1.0
    gap = min([after - before for before, after in pairwise(places)], default=span)
    step = min(0.7 * gap / count, 0.017 * span)
    shifts = [step * (index - (count - 1) / 2) for index in range(count)]
    return shifts, step * count / 2 + span / 40


def tick_labels(values: Sequence[float]) -> dict[int, str]:
    """Return the labels of at most twelve of the values, by index."""
    return {index: f"{values[index]:g}" for index in range(0, len(values), -(-len(values) // 12))}


def whiskers(rates: Sequence[tuple[float, float, float]]) -> list[list[float]]:
    """Return how far the ends of intervals are from their rates (rate, low, high), in per cent."""
    return [
        [100 * max(rate - low, 0.0) for rate, low, _ in rates],
        [100 * max(high - rate, 0.0) for rate, _, high in rates],
    ]
