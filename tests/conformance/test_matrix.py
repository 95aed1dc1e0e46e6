"""The arrangements that are measured are those of the recorded cells, stack by stack."""

from collections import Counter

import pytest

from sim.conformance.arrange import GUARDS, KINDS, NO_EVENT, POINTS
from sim.conformance.cells import Cell
from sim.conformance.matrix import Arrangement, arrangements
from sim.model.stacks import STACKS
from tests.helpers.truth import TRUTH


def measured(stack: str) -> set[Arrangement]:
    return {_arrangement(cell) for cell in TRUTH if cell.stack == stack}


def _arrangement(cell: Cell) -> Arrangement:
    return Arrangement(cell.kind, cell.point, cell.wait, cell.guard, cell.queued)


@pytest.mark.parametrize("stack", STACKS)
def test_no_arrangement_stands_there_twice(stack: str) -> None:
    assert not [one for one, count in Counter(arrangements(STACKS[stack])).items() if count > 1]


@pytest.mark.parametrize("stack", STACKS)
def test_they_are_those_of_the_truth_but_for_the_shutdown_of_a_whole_server(stack: str) -> None:
    wanted = {one for one in measured(stack) if one.kind != "server_shutdown_full"}
    made = set(arrangements(STACKS[stack]))
    assert made - wanted == set()
    assert wanted - made == set()


@pytest.mark.parametrize("stack", STACKS)
def test_every_value_is_one_that_can_be_arranged(stack: str) -> None:
    for one in arrangements(STACKS[stack]):
        assert one.kind in (*KINDS, "none")
        assert one.guard in GUARDS
        assert one.point in (*POINTS, *NO_EVENT)
        assert (one.kind == "none") is (one.point in NO_EVENT)


def test_left_out_is_what_a_stack_cannot_do() -> None:
    for stack in STACKS:
        kinds = {one.kind for one in arrangements(STACKS[stack])}
        assert ("server_shutdown" in kinds) is stack.startswith("uvicorn-")
        guards = {one.guard for one in arrangements(STACKS[stack])}
        assert ("both_nohop" in guards) is (stack != "hypercorn-trio")
