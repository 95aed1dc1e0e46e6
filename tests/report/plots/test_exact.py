"""Pictures of exact rates."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from sim.model.results import CellResult
from sim.report.plots.exact import draw_exact, exact_by_axis
from sim.sweep.exact.reproduce import ExactReproduction, exact_reproduce
from sim.sweep.reproduce import Task, reproduce

SMALL = ("sweep.values=[0, 5, 20]",)


@lru_cache
def found(name: str = "server-close", *settings: str) -> ExactReproduction:
    return exact_reproduce(Task(name, settings or SMALL, ("pre-fix", "post-fix", "catch")))


@lru_cache
def sampled() -> tuple[CellResult, ...]:
    task = Task("server-close", SMALL, ("pre-fix", "post-fix", "catch"), trials=10)
    return reproduce(task).summary.results


def test_guards_that_look_the_same_share_a_line_and_curves_are_lines() -> None:
    figure = exact_by_axis(found().lines, (), "title", "note")
    for axes in figure.axes:
        first, second = axes.lines
        assert list(np.asarray(first.get_xdata())) == pytest.approx([0, 5, 20], abs=0.001)
        assert list(np.asarray(first.get_ydata())) == pytest.approx([0, 25, 100], abs=0.01)
        assert list(np.asarray(second.get_ydata())) == pytest.approx([0, 0, 0], abs=0.01)
        legend = axes.get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["pre-fix, post-fix", "catch"]


def test_sampled_rates_stand_on_the_lines_with_their_intervals() -> None:
    figure = exact_by_axis(found().lines, sampled(), "title", "note")
    assert all(len(axes.containers) == 3 for axes in figure.axes)
    assert "n = 10 trials each" in figure.get_supxlabel()


def test_an_axis_that_is_no_time_has_points_only() -> None:
    figure = exact_by_axis(found("wait-for-hop", "sweep.values=[0, 3]").lines, (), "title", "")
    assert {line.get_linestyle() for axes in figure.axes for line in axes.lines} == {"None"}


def test_the_same_rates_give_the_same_bytes(tmp_path: Path) -> None:
    one = draw_exact(found(), sampled(), tmp_path / "a")
    other = draw_exact(found(), sampled(), tmp_path / "b")
    assert [path.name for path in one] == ["exact-server-close.png"]
    for path, again in zip(one, other, strict=True):
        assert path.read_bytes() == again.read_bytes()
        assert path.with_suffix(".svg").read_bytes() == again.with_suffix(".svg").read_bytes()


def test_without_rates_there_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no rates"):
        exact_by_axis((), (), "title", "")
