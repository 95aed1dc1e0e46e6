import hashlib
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from sim.model.names import GUARDS
from sim.model.results import Cell, CellResult, PairResult
from sim.report.plots.before_after import before_and_after
from sim.report.plots.canvas import save
from sim.report.plots.heat import heat_map
from sim.report.plots.lanes import Lane, Mark, Span, lay_out, stagger
from sim.report.plots.looks import percent, plain, positions, signed, to_scale
from sim.report.plots.measures import shares
from sim.report.plots.rates import rate_by_axis
from sim.report.plots.timelines import timeline
from sim.stats.intervals import paired_difference, rate_interval

ROOT = Path(__file__).parent.parent.parent.parent
HOSTILE = (
    "$x^2$",
    "$\\frac{",
    "<script>alert(1)</script>",
    "a" * 500,
    "& \x00\x1b\n--> ]]>",
    "",
    "競走",
)


def cell(guard: str, value: float, runtime: str = "asyncio-3.11", **more: object) -> Cell:
    base = Cell(
        mode="main",
        shape="report",
        injection="client-close",
        probe="validated",
        runtime=runtime,
        server="uvicorn-legacy-0.35",
        counterfactual=False,
        guard=guard,
        axis="window_ms",
        value=value,
        unit="ms",
        window_ms=value,
        offset_ms=1.0,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def result(place: Cell, failures: int, trials: int = 100) -> CellResult:
    low, high = rate_interval(failures, trials)
    outcomes = {"need_accept_first": failures, "guard_break_final": min(3, trials - failures)}
    rate = failures / trials if trials else 0.0
    form = place.value / 20 if place.guard == "none" else None
    return CellResult(place, trials, failures, failures // 2, rate, low, high, outcomes, form)


def sweep(guards: Sequence[str] = GUARDS, values: Sequence[float] = (0, 5, 20)) -> list[CellResult]:
    return [
        result(cell(guard, value, runtime), int(value) if guard in GUARDS[:3] else 0)
        for runtime in ("asyncio-3.11", "asyncio-3.12")
        for guard in guards
        for value in values
    ]


def grid(guards: Sequence[str] = GUARDS[:3], count: int = 4) -> list[CellResult]:
    return [
        result(cell(guard, window, offset_ms=float(offset)), 100 if offset < window else 0)
        for guard in guards
        for window in range(count)
        for offset in range(count)
    ]


def pairs(
    before: str = "pre-fix", after: str = "post-fix"
) -> tuple[list[PairResult], list[CellResult]]:
    found = []
    results = []
    for injection in ("client-close", "client-abort"):
        place = cell(before, 5, injection=injection)
        results += [result(place, 60), result(replace(place, guard=after), 0)]
        found.append(PairResult(before, after, place, *paired_difference(0, 60, 0, 40)))
    return found, results


LANES = (
    Lane("client_state", ((0, "CONNECTING"), (1, "CONNECTED"), (57.2, "DISCONNECTED"))),
    Lane("state machine", ((0, "connecting"), (3, "accepted"), (3, "processing"), (60, "closed"))),
)
MARKS = (
    Mark(50, "", "validated"),
    Mark(50, "client_state", "client sends its close frame"),
    Mark(53, "", "check at the top: both states are CONNECTED"),
    Mark(57.2, "client_state", "disconnect delivered"),
    Mark(
        60, "state machine", "RuntimeError: WebSocket is not connected. Need to call accept first"
    ),
)
SPANS = (Span(50, 58, "window 8 ms"), Span(55, 58, "race"))


def figures() -> Iterator[tuple[str, Figure]]:
    note = "n = 100, seed 1061, digest 3f9a"
    yield "rates", rate_by_axis(sweep(), "Rates", note)
    yield "heat", heat_map(grid(), "Heat", note)
    yield "pairs", before_and_after(*pairs(), "Pairs", note)
    yield "shares", shares(sweep(GUARDS[:3]), "Shares", note)
    yield "timeline", timeline(LANES, MARKS, SPANS, "Timeline", note)


def texts(figure: Figure) -> list[Text]:
    """Return every text that is drawn: not the labels of ticks beyond the end of an axis."""
    beyond = {
        tick.label1
        for axes in figure.axes
        for tick in axes.xaxis.majorTicks
        if not axes.get_xlim()[0] <= tick.get_loc() <= axes.get_xlim()[1]
    }
    return [
        one
        for one in figure.findobj(Text)
        if isinstance(one, Text) and one.get_text() and one.get_visible() and one not in beyond
    ]


def words(figure: Figure) -> str:
    return "\n".join(one.get_text() for one in texts(figure))


def digests(folder: Path) -> dict[str, str]:
    found = {}
    for name, figure in figures():
        for path in save(figure, folder, name):
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_files_repeat_in_this_process_and_in_another(tmp_path: Path) -> None:
    first = digests(tmp_path / "one")
    assert len(first) == 10
    assert digests(tmp_path / "two") == first
    code = (
        "from pathlib import Path; from tests.report.plots.test_plots import digests;"
        f"print(digests(Path({str(tmp_path / 'three')!r})))"
    )
    rc = tmp_path / "matplotlibrc"
    rc.write_text("font.size: 20\naxes.facecolor: red\nsavefig.bbox: tight\ntext.usetex: True\n")
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "77", "MATPLOTLIBRC": str(rc)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(first)


def test_the_same_figure_saved_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, figure in figures():
        one = [path.read_bytes() for path in save(figure, tmp_path / "one", name)]
        assert [path.read_bytes() for path in save(figure, tmp_path / "two", name)] == one


def test_files_carry_no_date_and_no_version(tmp_path: Path) -> None:
    png, svg = save(rate_by_axis(sweep(), "Rates", ""), tmp_path / "new" / "folder", "rates")
    with Image.open(png) as image:
        assert image.format == "PNG"
        assert not {"Software", "Creation Time", "date"} & set(image.info)
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    text = svg.read_text()
    assert "<dc:date>" not in text
    assert "Matplotlib v" not in text


@pytest.mark.parametrize("stem", ["", "a/b", "../a", "..", "/a"])
def test_a_stem_is_a_plain_name(stem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the name of a file"):
        save(Figure(), tmp_path, stem)


def test_matplotlib_is_imported_only_when_a_figure_is_drawn() -> None:
    code = (
        "import sys; from sim.report.plots.timelines import *; import sim.report.plots.pictures;"
        "assert 'matplotlib' not in sys.modules;"
        "timeline([Lane('a', ((0, 'b'),))], [], [], 't', 'n');"
        "assert 'matplotlib' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr


def test_settings_do_not_leak() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    rate_by_axis(sweep(), "Rates", "")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("guards", [GUARDS, ("none", "mine:guard", "theirs:guard")])
def test_every_guard_is_named(guards: tuple[str, ...]) -> None:
    rates = rate_by_axis(sweep(guards), "Rates", "")
    legend = [one.get_text() for one in rates.legends[0].get_texts()]
    assert legend == [*guards, "closed form"]
    for figure in (heat_map(grid(guards), "", ""), shares(sweep(guards), "", "")):
        titles = [axes.get_title() for axes in figure.axes]
        for guard in guards:
            assert any(guard in title for title in titles)
    found = words(before_and_after(*pairs(guards[1], guards[-1]), "", ""))
    assert f"before: {guards[1]}" in found
    assert f"after: {guards[-1]}" in found


def test_guards_look_different() -> None:
    figure = rate_by_axis(sweep(), "Rates", "")
    handles = figure.legends[0].get_lines()[: len(GUARDS)]
    assert len({str(one.get_marker()) for one in handles}) == len(GUARDS)
    assert len({str(one.get_color()) for one in handles}) == len(GUARDS)


def test_lines_that_coincide_stand_side_by_side() -> None:
    axes = rate_by_axis(sweep(("catch", "raw")), "Rates", "").axes[0]
    one, other = ([float(x) for x in line[0].get_xdata()] for line in axes.containers)
    assert all(x < y for x, y in zip(one, other, strict=True))
    assert [x + y for x, y in zip(one, other, strict=True)] == pytest.approx([0, 10, 40])


def test_a_panel_for_each_runtime_and_whatever_else_differs() -> None:
    both = rate_by_axis(sweep(), "", "")
    assert [axes.get_title() for axes in both.axes] == ["asyncio-3.11", "asyncio-3.12"]
    assert both.axes[0].get_xlabel() == "window (ms)"
    assert both.axes[0].get_ylabel() == "runs that fail (%)"
    other = [replace(one, cell=replace(one.cell, mode="legacy")) for one in sweep()]
    titles = [axes.get_title() for axes in rate_by_axis([*sweep(), *other], "", "").axes]
    assert titles[:2] == ["asyncio-3.11 · main", "asyncio-3.12 · main"]
    assert len(titles) == 4


def test_what_does_not_exist_is_called_counterfactual() -> None:
    mixed = [*sweep(), result(cell("none", 5, "any-order", counterfactual=True), 3)]
    titles = [axes.get_title() for axes in rate_by_axis(mixed, "", "").axes]
    assert titles[-1] == "any-order\n(counterfactual)"
    mixed = [*sweep(("pre-fix",)), result(cell("post-fix", 5, counterfactual=True), 3)]
    assert "post-fix (counterfactual)" in words(rate_by_axis(mixed, "", ""))


def test_a_post_fix_that_does_not_exist_is_still_part_of_its_pair() -> None:
    found, results = pairs()
    results = [
        replace(one, cell=replace(one.cell, counterfactual=one.cell.guard == "post-fix"))
        for one in results
    ]
    assert "60 → 0 %" in words(before_and_after(found, results, "", ""))


def test_a_pair_shows_its_difference() -> None:
    found = words(before_and_after(*pairs(), "", ""))
    assert "−60  (−69 to −50)" in found
    assert "main · client-abort" in found


def test_figures_stand_in_a_small_heat_map_only() -> None:
    assert "100" in words(heat_map(grid(("none",)), "", "")).split("\n")
    axes = heat_map(grid(("none",), 13), "", "").axes[0]
    assert not axes.texts
    sparse = heat_map(
        [one for one in grid(("none",)) if one.cell.value != one.cell.offset_ms], "", ""
    )
    assert len(sparse.axes[0].texts) == 12


def hostile_figures(text: str) -> Iterator[Figure]:
    names: dict[str, object] = {
        "mode": text,
        "injection": text,
        "axis": text,
        "unit": text,
        "server": text,
    }

    def spoil(one: CellResult) -> CellResult:
        place = replace(one.cell, guard=f"{text}:{one.cell.guard}", **names)  # type: ignore[arg-type]
        return replace(one, cell=place, outcomes={text: 3})

    yield rate_by_axis(list(map(spoil, sweep(GUARDS[:2]))), text, text)
    yield heat_map(list(map(spoil, grid(GUARDS[:2]))), text, text)
    yield shares(list(map(spoil, sweep(GUARDS[:2]))), text, text)
    found, results = pairs()
    spoilt = [
        replace(
            pair,
            before=f"{text}:{pair.before}",
            after=f"{text}:{pair.after}",
            cell=replace(pair.cell, guard=f"{text}:{pair.before}", **names),  # type: ignore[arg-type]
        )
        for pair in found
    ]
    yield before_and_after(spoilt, list(map(spoil, results)), text, text)
    lanes = [Lane(text, ((0, text), (5, "x"))), Lane(f"{text} 2", ((0, text), (9, text)))]
    marks = [Mark(time, text, text) for time in (1, 2, 9)]
    yield timeline(lanes, marks, [Span(1, 2, text)], text, text)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_only_texts(text: str, tmp_path: Path) -> None:
    for number, figure in enumerate(hostile_figures(text)):
        assert not any(one.get_parse_math() for one in texts(figure))
        outside = figure.bbox.padded(1)
        for one in texts(figure):
            box = one.get_window_extent()
            assert outside.contains(box.x0, box.y0), one
            assert outside.contains(box.x1, box.y1), one
        png, svg = save(figure, tmp_path, f"figure-{number}")
        with Image.open(png) as image:
            assert max(image.size) < 4000
        ElementTree.parse(svg)
        assert "<script" not in svg.read_text()


def test_no_text_meets_another() -> None:
    for name, figure in figures():
        drawn = texts(figure)
        for number, one in enumerate(drawn):
            box = one.get_window_extent().padded(-1)
            for other in drawn[number + 1 :]:
                meets = box.overlaps(other.get_window_extent().padded(-1))
                assert not meets, (name, one.get_text(), other.get_text())


@pytest.mark.parametrize("failures", [0, 50, 100])
def test_single_points_and_equal_rates(failures: int, tmp_path: Path) -> None:
    one = [result(cell("raw", 5), failures)]
    level = [result(cell(guard, value), failures) for guard in GUARDS[:3] for value in (0, 5)]
    for results in (one, level):
        save(rate_by_axis(results, "Rates", ""), tmp_path, "rates")
        save(heat_map(results, "Heat", ""), tmp_path, "heat")
        save(shares(results, "Shares", ""), tmp_path, "shares")


def test_cells_without_trials(tmp_path: Path) -> None:
    results = [result(cell("raw", 5), 0, trials=0)]
    save(rate_by_axis(results, "Rates", ""), tmp_path, "rates")
    save(shares(results, "Shares", ""), tmp_path, "shares")


@pytest.mark.parametrize("time", [0.0, 57.5, 1e9])
def test_all_times_equal(time: float, tmp_path: Path) -> None:
    lanes = [Lane("a", ((time, "x"), (time, "y")))]
    marks = [Mark(time, "a", "one"), Mark(time, "", "two")]
    figure = timeline(lanes, marks, [Span(time, time, "span")], "", "")
    save(figure, tmp_path, "timeline")
    assert {"one", "two", "span", "y"} <= set(words(figure).split("\n"))


def test_states_too_short_for_their_names_are_listed() -> None:
    found = words(timeline(LANES, [], [], "", ""))
    assert "accepted in state machine at 3 ms" in found.replace("\n", " ")
    assert "CONNECTED" in found.split("\n")


def test_a_lane_without_changes_is_empty() -> None:
    assert "idle lane" in words(timeline([Lane("idle lane", ()), *LANES], [], [], "", ""))


def test_many_marks_stay_apart() -> None:
    marks = [Mark(time / 3, "", f"event number {time}") for time in range(40)]
    drawn = [one for one in texts(timeline(LANES, marks, [], "", "")) if "number" in one.get_text()]
    boxes = [one.get_window_extent() for one in drawn]
    assert len(boxes) == 40
    assert not any(
        one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[number + 1 :]
    )


def test_no_leader_line_crosses_a_text() -> None:
    starts = [0.0, 1.0, 2.5, 2.5, 3.0, 9.0]
    lines = [(start, start + 2) for start in starts]
    rows = stagger(lines)
    assert rows[-1] == 0
    for (start, end), row in zip(lines, rows, strict=True):
        for (other, _), other_row in zip(lines, rows, strict=True):
            assert not start < other < end or other_row < row
    assert len({(start, row) for start, row in zip(starts, rows, strict=True)}) == len(starts)


def test_texts_at_the_end_fit_in() -> None:
    layout = lay_out(LANES, MARKS, SPANS, lambda text: 5.0 * len(text), 500)
    scale = (layout.edge_ms - layout.start_ms) / 500
    for label in (*layout.labels, *layout.captions):
        assert layout.start_ms <= label.at_ms
        assert label.at_ms + 5 * len(label.text) * scale <= layout.edge_ms + 1e-9


def test_nothing_to_draw() -> None:
    for draw in (rate_by_axis, heat_map, shares):
        with pytest.raises(ValueError, match=r"^no results to draw$"):
            draw([], "", "")
    with pytest.raises(ValueError, match=r"^no pairs of guards to draw$"):
        before_and_after([], sweep(), "", "")
    with pytest.raises(ValueError, match=r"^a timeline needs at least one lane$"):
        timeline([], MARKS, SPANS, "", "")
    with pytest.raises(ValueError, match=r"^a timeline needs at least one change, mark or span$"):
        timeline([Lane("a", ())], [], [], "", "")


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="two results for guard none, value 5"):
        rate_by_axis([result(cell("none", 5), 1)] * 2, "", "")
    other = replace(cell("none", 5), axis="offset_ms")
    with pytest.raises(ValueError, match="several axes"):
        rate_by_axis([*sweep(), result(other, 1)], "", "")
    with pytest.raises(ValueError, match="needs offset_ms and window_ms"):
        heat_map([result(cell("none", 5, offset_ms=None), 1)], "", "")
    found, results = pairs()
    with pytest.raises(ValueError, match="no result for guard post-fix in main, client-abort"):
        before_and_after(found, results[:-1], "", "")
    with pytest.raises(ValueError, match="in no lane"):
        timeline(LANES, [Mark(1, "nowhere", "x")], [], "", "")
    with pytest.raises(ValueError, match="ends before it starts"):
        timeline(LANES, [], [Span(2, 1, "x")], "", "")
    with pytest.raises(ValueError, match="must be finite"):
        timeline(LANES, [Mark(float("nan"), "", "x")], [], "", "")


def test_numbers_in_words() -> None:
    rates = (0, 1e-6, 0.005, 0.006, 0.5, 0.994, 0.995, 0.9999, 1)
    assert [percent(rate) for rate in rates] == [
        "0",
        "<1",
        "<1",
        "1",
        "50",
        "99",
        *[">99"] * 2,
        "100",
    ]
    assert [signed(value) for value in (-12.3, -0.2, 0, 0.04, 0.4, 3)] == [
        "−12",
        "−0.2",
        "0",
        "0",
        "+0.4",
        "+3",
    ]
    assert plain("a\tb\n\nc\x00d") == "a b c d"
    assert plain("module.name:guard", 9) == "modu…uard"
    assert len(plain("x" * 100)) == 40


def test_crowded_values_are_spread_and_the_figure_says_so() -> None:
    assert "not to scale" in words(rate_by_axis(sweep(values=(0, 0.5, 1, 20)), "", ""))
    assert "not to scale" not in words(rate_by_axis(sweep(), "", ""))


def test_rows_name_their_guards_where_pairs_differ() -> None:
    one, other = pairs(), pairs("none", "both-states")
    found = words(before_and_after([*one[0], *other[0]], [*one[1], *other[1]], "", ""))
    assert "main · client-close\nnone → both-states" in found


def test_places_on_the_axis() -> None:
    assert to_scale(positions([0, 20, 5, 10]))
    assert list(positions([20, 0, 1, 0.5]).values()) == [0, 1, 2, 3]
    assert not to_scale(positions([20, 0, 1, 0.5]))
    assert to_scale(positions(range(100)))
    assert positions([5, 5]) == {5: 5}
