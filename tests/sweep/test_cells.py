"""The cells of a sweep: one for each runtime, value and guard, or a clear line on why not."""

import pytest

from sim.errors import UserError
from sim.model.scenario import Scenario, Sweep
from sim.sweep.cells import plan, with_value

SWEEP = Sweep(values=(0, 5), guards=("pre-fix", "catch"), runtimes=("asyncio-3.11", "trio"))
SCENARIO = Scenario(name="mine", sweep=SWEEP)


def test_there_is_a_cell_for_each_runtime_value_and_guard() -> None:
    cells = [one.cell for one in plan([SCENARIO])]
    assert [(cell.runtime, cell.value, cell.guard) for cell in cells] == [
        (runtime, value, guard)
        for runtime in ("asyncio-3.11", "trio")
        for value in (0, 5)
        for guard in ("pre-fix", "catch")
    ]
    assert [cell.window_ms for cell in cells[:3]] == [0, 0, 5]
    assert [cell.counterfactual for cell in cells] == [False] * 4 + [True] * 4


def test_guards_of_the_command_line_take_the_place_of_the_scenarios() -> None:
    assert {one.cell.guard for one in plan([SCENARIO], ["raw"])} == {"raw"}


def test_cells_of_one_group_differ_in_the_guard_alone() -> None:
    groups: dict[object, set[str]] = {}
    for one in plan([SCENARIO]):
        groups.setdefault(one.group, set()).add(one.cell.guard)
    assert len(groups) == 4
    assert all(guards == {"pre-fix", "catch"} for guards in groups.values())


def test_two_scenarios_of_one_name_are_refused() -> None:
    with pytest.raises(UserError, match="'mine' is there twice: give one a label"):
        plan([SCENARIO, SCENARIO])


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        ("window_ms", 2.5),
        ("window_hops", 3),
        ("handler.work_ms", 1),
        ("clients.messages", 7),
        ("pauses.top", 4),
        ("setup.manager_ms", 9),
    ],
)
def test_any_key_with_a_number_can_be_an_axis(axis: str, value: float) -> None:
    place: object = with_value(SCENARIO, axis, value)
    for key in axis.split("."):
        place = place[key] if isinstance(place, dict) else getattr(place, key)
    assert place == value


@pytest.mark.parametrize(
    ("axis", "value", "fault"),
    [
        ("windw_ms", 1, "sweep.axis: windw_ms = 1: Extra inputs"),
        ("window_ms", -1, "sweep.axis: window_ms = -1: Input should be greater"),
        ("window_hops", 1.5, "window_hops = 1.5: Input should be a valid integer"),
        ("injections.0.delay_ms", 1, "injections.0.delay_ms = 1: "),
        ("mode.x", 1, "mode.x = 1: "),
    ],
)
def test_an_axis_that_is_none_is_one_clear_line(axis: str, value: float, fault: str) -> None:
    with pytest.raises(UserError) as caught:
        with_value(SCENARIO, axis, value)
    (line,) = caught.value.faults
    assert line.startswith("scenario mine: ")
    assert fault in line
