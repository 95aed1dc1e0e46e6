"""The pictures of a reproduction: which there are, of what, and the same every time."""

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sim.report.plots.offsets import OFFSET_BINS, along_offsets, by_offset
from sim.report.plots.pictures import draw_all, file_names
from sim.sweep.reproduce import Reproduction, Task, reproduce

SMALL = Task("server-close", trials=4)


@lru_cache
def found(task: Task = SMALL) -> Reproduction:
    return reproduce(task, workers=1)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_reproduction_gives_rates_offsets_before_and_after_and_a_timeline(
    tmp_path: Path,
) -> None:
    paths = draw_all(found(), tmp_path / "new")
    stems = ["rate-server-close", "heat-server-close", "offset-server-close"]
    stems += ["before-and-after", "timeline-server-close"]
    assert paths == [tmp_path / "new" / f"{stem}.png" for stem in stems]
    assert set(content(tmp_path / "new")) == {
        f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")
    }
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert len(image.getcolors(2**24) or ()) > 20  # something is drawn


def test_pictures_repeat_byte_for_byte(tmp_path: Path) -> None:
    draw_all(found(), tmp_path / "one")
    draw_all(reproduce(SMALL, workers=1), tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_offset_bins_add_up_to_the_trials_of_their_cells() -> None:
    reproduction = found()
    wanted = {
        (one.cell.guard, one.cell.value): (one.trials, one.failures)
        for one in reproduction.summary.results
        if one.cell.runtime == "asyncio-3.11"
        and one.cell.guard in ("pre-fix", "post-fix", "both-states", "catch")
    }
    trials: Counter[tuple[str, float]] = Counter()
    failures: Counter[tuple[str, float]] = Counter()
    for one in by_offset(reproduction, "server-close"):
        trials[one.cell.guard, one.cell.value] += one.trials
        failures[one.cell.guard, one.cell.value] += one.failures
        assert one.cell.runtime == "asyncio-3.11"
        assert one.cell.offset_ms is not None
        assert 0 < one.cell.offset_ms < 20
        assert (one.cell.offset_ms * OFFSET_BINS / 20) % 1 == 0.5
        assert one.low <= one.rate <= one.high
    assert {key: (trials[key], failures[key]) for key in trials} == wanted


def test_the_line_over_offsets_counts_every_trial_of_every_guard_once() -> None:
    reproduction = found()
    along = list(along_offsets(reproduction, "server-close"))
    for guard in {one.cell.guard for one in along}:
        for runtime in ("asyncio-3.11", "asyncio-3.12"):
            mine = [one for one in along if (one.cell.guard, one.cell.runtime) == (guard, runtime)]
            assert sum(one.trials for one in mine) == 8 * 4
            assert len({one.cell.value for one in mine}) == len(mine) <= OFFSET_BINS


def test_an_injection_before_the_end_of_the_window_fails_and_after_it_does_not() -> None:
    width = 20 / OFFSET_BINS
    for one in by_offset(found(), "server-close"):
        assert one.cell.offset_ms is not None
        if one.cell.guard == "pre-fix" and one.cell.offset_ms + width / 2 < one.cell.value - 1:
            assert one.failures == one.trials
        if one.cell.guard == "pre-fix" and one.cell.offset_ms - width / 2 > one.cell.value + 1:
            assert one.failures == 0


@pytest.mark.parametrize("name", ["wait-for-hop", "healthy", "setup-race"])
def test_without_offsets_in_a_window_there_is_no_picture_of_them(name: str) -> None:
    task = Task(name, ("sweep.runtimes=['asyncio-3.11']",), trials=1)
    assert not list(by_offset(found(task), name))


def test_a_change_of_state_shows_who_leaves_and_loses(tmp_path: Path) -> None:
    task = Task("state-change", ("sweep.values=[20]",), ("pre-fix", "post-fix"), trials=2)
    assert tmp_path / "shares-state-change.png" in draw_all(found(task), tmp_path)


def test_without_failures_and_pairs_there_is_no_timeline_and_no_comparison(tmp_path: Path) -> None:
    task = Task("healthy", ("sweep.runtimes=['asyncio-3.11']",), ("catch",), trials=1)
    assert [path.name for path in draw_all(found(task), tmp_path)] == ["rate-healthy.png"]


def drawn_texts(monkeypatch: pytest.MonkeyPatch, task: Task, folder: Path) -> dict[str, str]:
    """The texts of each picture, by the name of its file."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from sim.report.plots import canvas, pictures

    seen: dict[str, str] = {}
    write = canvas.save

    def save(figure: Figure, folder: Path, stem: str) -> tuple[Path, Path]:
        texts = (one.get_text() for one in figure.findobj(Text) if isinstance(one, Text))
        seen[stem] = " ".join(" ".join(texts).split())
        return write(figure, folder, stem)

    monkeypatch.setattr(pictures, "save", save)
    draw_all(found(task), folder)
    return seen


def test_pictures_say_how_many_trials_stand_behind_each_mark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts = drawn_texts(monkeypatch, SMALL, tmp_path)
    digest = found().summary.digest[:12]
    assert f"n = 4 trials per point, seed 0, digest {digest}" in texts["rate-server-close"]
    assert "n = 32 trials per bar" in texts["before-and-after"]
    assert "n = 4 trials per row" in texts["heat-server-close"]
    assert "after the probe validated" in texts["heat-server-close"]
    assert "Grey: no trials there." in texts["heat-server-close"]
    assert "all values of window_ms together" in texts["offset-server-close"]
    assert "connection c1, trial" in texts["timeline-server-close"]


def test_the_timeline_shows_the_connection_that_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = ("clients.count=2", "injections.0.client=2", "sweep.values=[20]")
    texts = drawn_texts(
        monkeypatch, Task("server-close", settings, ("pre-fix",), trials=2), tmp_path
    )
    assert "connection c2" in texts["timeline-server-close"]
    assert "need_accept_first" in texts["timeline-server-close"]


def test_what_does_not_exist_is_called_counterfactual(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = ("mode=legacy", "sweep.values=[20]", "sweep.runtimes=['asyncio-3.11']")
    task = Task("server-close", settings, ("pre-fix", "post-fix"), trials=2)
    texts = drawn_texts(monkeypatch, task, tmp_path / "legacy")
    assert "Counterfactual: post-fix on asyncio-3.11." in texts["before-and-after"]
    task = replace(task, settings=("sweep.runtimes=['trio']", "sweep.values=[20]"))
    texts = drawn_texts(monkeypatch, task, tmp_path / "trio")
    assert "All of it is counterfactual." in texts["rate-server-close"]
    assert "All of it is counterfactual." in texts["offset-server-close"]


@pytest.mark.parametrize("name", ["a/b", "", "..", "/etc/x", "x" * 300])
def test_a_name_that_is_no_file_name_has_pictures_all_the_same(name: str, tmp_path: Path) -> None:
    settings = (f"name={name!r}", "sweep.values=[20]", "sweep.runtimes=['asyncio-3.11']")
    task = Task("server-close", settings, ("pre-fix",), trials=1)
    paths = draw_all(found(task), tmp_path)
    assert len(paths) == 4
    assert all(path.parent == tmp_path for path in paths)


def test_file_names_are_plain_and_distinct() -> None:
    names = ["a/b", "a b", "A-B", "a-b-2", "", "...", "server-close", "server-close"]
    assert file_names(names) == {
        "a/b": "a-b",
        "a b": "a-b-2",
        "A-B": "A-B-3",
        "a-b-2": "a-b-2-2",
        "": "unnamed",
        "...": "unnamed-2",
        "server-close": "server-close",
    }


@given(st.lists(st.text() | st.text("ab/-."), max_size=12))
def test_any_names_have_distinct_file_names(names: list[str]) -> None:
    stems = file_names(names)
    assert set(stems) == set(names)
    assert len({stem.casefold() for stem in stems.values()}) == len(stems)
    for stem in stems.values():
        assert Path(stem).name == stem
        assert len(f"timeline-{stem}.png".encode()) <= 255


def test_a_race_in_turns_of_the_loop_has_no_picture_over_time(tmp_path: Path) -> None:
    settings = ("sweep.values=[7]", "sweep.runtimes=['asyncio-3.11']")
    result = found(Task("wait-for-hop", settings, ("pre-fix",), trials=3))
    assert result.tokens
    assert not any("timeline" in path.name for path in draw_all(result, tmp_path))
