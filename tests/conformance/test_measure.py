"""Measuring: plans, what is kept between two of them, and cells from trials. No real server."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sim.conformance.measure as measuring
from sim.conformance.cells import Cell, read_cells
from sim.conformance.matrix import NAMED, Arrangement, arrangements
from sim.conformance.measure import (
    OPEN,
    Plan,
    blank_cell,
    measure,
    measure_cell,
    plan_measuring,
    trials_for,
)
from sim.errors import UserError
from sim.live.stacks import Stack
from sim.model.scenario import Scenario
from sim.model.stacks import STACKS
from sim.runs.play import play
from tests.helpers.arranged import written

LEGACY = Stack(
    "uvicorn-websockets", "asyncio-3.11", "uvicorn-websockets@0.35", "uvicorn 0.35.0",
    "websockets 15.0.1", "0.47.3", "3.11.7",
)  # fmt: skip
TRIO = Stack(
    "hypercorn-trio", "trio", "hypercorn-trio@0.18", "hypercorn 0.18.0", "wsproto 1.3.2",
    "1.10.0", "3.12.1",
)  # fmt: skip
CLOSE = Arrangement("client_close", "top", "0", "none", False)


class Simulated:
    """A server that runs nothing: its trials are simulated ones."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.asked: list[tuple[Scenario, int]] = []
        self.breakdowns: list[str] = []

    def run(self, scenario: Scenario, trials: int = 1) -> Sequence[Any]:
        self.asked.append((scenario, trials))
        record = play(scenario)
        return [Trial(record) for _ in range(trials)]


class Trial:
    def __init__(self, record: Any) -> None:
        self.outcome = record.outcome
        self.events = record.events


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[Simulated]:
    """The servers that were started, in order, each a simulated one."""
    started: list[Simulated] = []

    @contextmanager
    def serving(stack: Stack) -> Iterator[Simulated]:
        started.append(Simulated(stack))
        yield started[-1]

    monkeypatch.setattr(measuring, "serving", serving)
    return started


def plan(*stacks: Stack, kinds: tuple[str, ...] = ("disc_eaten",), **values: Any) -> Plan:
    return Plan(stacks or (LEGACY,), kinds, 2, **values)


def wanted(stack: Stack, kind: str = "disc_eaten") -> list[Arrangement]:
    return [one for one in arrangements(stack.row) if one.kind == kind]


# -- plans -----------------------------------------------------------------------------------------


def test_a_plan_holds_the_stacks_that_were_named_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring, "stack_named", {"a": LEGACY, "b": TRIO}.__getitem__)
    found = plan_measuring(["b", "a", "b"], ["none"], 7)
    assert found == Plan((TRIO, LEGACY), ("none",), 7)


def test_without_names_a_plan_holds_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "find_installed", lambda: (TRIO,))
    assert plan_measuring([], [], 1).stacks == (TRIO,)
    monkeypatch.setattr(measuring, "find_installed", tuple)
    with pytest.raises(UserError, match="no real server is installed: pip install"):
        plan_measuring([], [], 1)


def test_every_fault_of_a_plan_is_a_line() -> None:
    with pytest.raises(UserError) as caught:
        plan_measuring(["daphne", "\x1b[31m"], ["flood", "none", "server_shutdown_full"], 1)
    lines = caught.value.faults
    assert [line.split(":")[0] for line in lines] == ["--stack", "--stack", "--kind", "--kind"]
    assert f"allowed: {', '.join(STACKS)}" in lines[0]
    assert "'flood' is unknown; allowed: client_close, " in lines[2]
    assert all(line.isprintable() for line in lines)


def test_a_file_that_is_to_be_continued_must_hold_cells(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert measuring._kept(out) == ()
    out.touch()
    assert measuring._kept(out) == ()
    out.write_text("my shopping list\n")
    with pytest.raises(UserError, match="no line holds a cell"):
        measuring._kept(out)


# -- measuring -------------------------------------------------------------------------------------


def test_each_stack_is_served_for_its_own_time_and_gives_its_arrangements(
    servers: list[Simulated],
) -> None:
    seen: list[tuple[str, int, int]] = []
    cells = list(measure(plan(LEGACY, TRIO), lambda *done: seen.append(done)))
    assert [server.stack for server in servers] == [LEGACY, TRIO]
    many = [len(wanted(stack)) for stack in (LEGACY, TRIO)]
    assert len(cells) == sum(many)
    assert seen[0] == (LEGACY.name, 1, many[0])
    assert seen[-1] == (TRIO.name, many[1], many[1])
    assert {cell.kind for cell in cells} == {"disc_eaten"}
    assert {trials for server in servers for _, trials in server.asked} == {2}


def test_a_measured_cell_has_the_columns_of_the_truth() -> None:
    server: Any = Simulated(LEGACY)
    cell = measure_cell(server, CLOSE, 3)
    assert (cell.stack, cell.server, cell.lib) == (LEGACY.name, LEGACY.server, LEGACY.lib)
    assert (cell.python, cell.starlette, cell.runtime) == ("3.11.7", "0.47.3", "asyncio")
    assert Arrangement(cell.kind, cell.point, cell.wait, cell.guard, cell.queued) == CLOSE
    assert (cell.n, cell.outcomes, cell.message_lost) == (3, {"clean_disconnect(1000)": 3}, 0)
    assert cell.states == {("DISCONNECTED", "CONNECTED")}
    assert blank_cell(TRIO, CLOSE).runtime == "trio"
    assert not blank_cell(TRIO, CLOSE).seen


def test_what_is_written_is_read_again_and_nothing_is_measured_twice(
    servers: list[Simulated], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = list(measure(plan(out=out)))
    assert read_cells(out).cells == tuple(first)
    again = list(measure(plan(out=out, kept=read_cells(out).cells)))
    assert again == first
    assert len(servers) == 1  # the second time there was no server to start
    assert len(out.read_text().splitlines()) == len(first)


def test_a_measurement_that_was_stopped_goes_on_where_it_was(
    servers: list[Simulated], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    going = measure(plan(out=out))
    stopped = [next(going) for _ in range(3)]
    going.close()  # type: ignore[attr-defined]
    seen: list[int] = []
    cells = list(
        measure(plan(out=out, kept=read_cells(out).cells), lambda _, done, __: seen.append(done))
    )
    assert cells[:3] == stopped
    assert seen == list(range(4, len(wanted(LEGACY)) + 1))
    assert len(read_cells(out).cells) == len(wanted(LEGACY))


def test_what_another_release_gave_is_not_taken_for_this_one(servers: list[Simulated]) -> None:
    (old,) = [measure_cell(Simulated(LEGACY), CLOSE, 1)]  # type: ignore[arg-type]
    for name, value in (("server", "uvicorn 0.34.0"), ("python", "3.11.6"), ("lib", "x 1.0")):
        kept = (old.model_copy(update={name: value}),)
        list(measure(plan(kinds=("none",), kept=kept)))
    assert len(servers) == 3


def test_regression_after_a_line_that_was_cut_the_next_cell_stands_on_its_own(
    servers: list[Simulated], tmp_path: Path
) -> None:
    """It was appended to the rest of the line, and both were lost."""
    out = tmp_path / "out"
    list(measure(plan(out=out)))
    whole = out.read_bytes()
    for end in (len(whole) - 1, len(whole) - 40):
        out.write_bytes(whole[:end])
        kept = read_cells(out).cells
        list(measure(plan(out=out, kept=kept)))
        assert len(read_cells(out).cells) == len(wanted(LEGACY))


def test_a_cell_that_cannot_be_kept_is_one_clear_line(
    servers: list[Simulated], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        next(measure(plan(out=tmp_path / "none" / "out")))
    (line,) = caught.value.faults
    assert line.startswith("--out: ")
    assert line.endswith("out: cannot be written: No such file or directory")


def test_the_cells_of_others_stay_where_they_are(servers: list[Simulated], tmp_path: Path) -> None:
    other: dict[str, Any] = json.loads(blank_cell(TRIO, CLOSE).model_dump_json())
    other["outcomes"] = {"clean_disconnect(1006)": 10}
    out = written(tmp_path / "out", other)
    list(measure(plan(out=out, kept=read_cells(out).cells)))
    assert read_cells(out).cells[0] == Cell.model_validate(other)


# -- how often -------------------------------------------------------------------------------------


def test_a_cell_is_tried_more_often_where_its_order_is_open() -> None:
    both = Arrangement("server_close", "gap", "1", "none", False)
    assert trials_for(TRIO, both, 3) == OPEN == 30
    assert trials_for(TRIO, both, 50) == 50
    assert trials_for(TRIO, CLOSE, 3) == 3
    assert trials_for(LEGACY, both, 3) == 3


def test_a_cell_is_tried_more_often_where_only_the_loss_is_open() -> None:
    lost = Arrangement("sm_closing", "gap", "1", "post", False)
    assert trials_for(TRIO, lost, 3) == OPEN


def test_what_has_a_name_is_tried_twenty_times() -> None:
    assert [trials_for(LEGACY, one, 3) for one in NAMED] == [20, 20]
    assert [trials_for(LEGACY, one, 50) for one in NAMED] == [50, 50]


def test_a_server_that_the_model_does_not_know_is_measured_all_the_same() -> None:
    unknown = replace(TRIO, server="hypercorn 9.9.9")
    assert trials_for(unknown, Arrangement("server_close", "gap", "1", "none", False), 3) == 3
