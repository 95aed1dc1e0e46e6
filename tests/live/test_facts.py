"""What holds every time on a real server, and cells that were recorded on others."""

from pathlib import Path

import pytest

from sim.conformance.arrange import Timing, scenario_of
from sim.conformance.cells import Cell, read_cells
from sim.live.stacks import find_installed
from sim.model.stacks import STACKS
from tests.helpers.live_scenarios import SILENCE_MS, inline, labels, scenario
from tests.live.conftest import Serve

TRIALS = 3
CELLS = read_cells(Path(__file__).parent / "cells.jsonl").cells
HERE = {stack.name: stack for stack in find_installed()}
every_stack = pytest.mark.parametrize("stack", STACKS)


@every_stack
@pytest.mark.parametrize("guard", ["none", "pre-fix", "post-fix"])
def test_a_close_by_another_task_in_the_gap_is_the_error(
    serve: Serve, stack: str, guard: str
) -> None:
    """Where Trio has two runnable tasks, either may go first; after three turns both have."""
    server = serve(stack)
    hops = 3 if server.stack.runtime == "trio" else 1
    runs = server.run(scenario(inline("server-close"), guard=guard, window_hops=hops), TRIALS)
    assert labels(runs) == {"need_accept_first"}
    assert all(run.outcome.failed for run in runs)


@every_stack
def test_both_states_fails_only_in_wait_fors_hop(serve: Serve, stack: str) -> None:
    server = serve(stack)
    hop = server.stack.runtime == "asyncio-3.11"
    runs = server.run(scenario(inline("server-close"), guard="both-states"), TRIALS)
    assert all((run.outcome.label == "need_accept_first") == hop for run in runs)


@every_stack
@pytest.mark.parametrize("hops", [0, 3])
def test_both_no_hop_never_fails(serve: Serve, stack: str, hops: int) -> None:
    one = scenario(inline("server-close"), guard="both-no-hop", window_hops=hops)
    assert not any(run.outcome.failed for run in serve(stack).run(one, TRIALS))


@every_stack
@pytest.mark.parametrize("do", ["client-close", "client-abort", "client-eof"])
def test_a_client_that_goes_in_the_gap_is_a_disconnect(serve: Serve, stack: str, do: str) -> None:
    runs = serve(stack).run(scenario(inline(do), window_ms=5), TRIALS)
    assert all(label.startswith("clean_disconnect(") for label in labels(runs))


@pytest.mark.parametrize("guard", ["pre-fix", "post-fix"])
def test_the_blind_spot_is_there_on_the_legacy_implementation(serve: Serve, guard: str) -> None:
    """A send that fails and is swallowed; both guards read client_state and go on."""
    one = scenario(inline("client-abort", "received", 1), guard=guard)
    assert labels(serve("uvicorn-websockets").run(one, TRIALS)) == {"need_accept_first"}


@pytest.mark.parametrize("stack", ["hypercorn-asyncio", "hypercorn-trio"])
def test_there_is_no_blind_spot_where_sends_are_silent(serve: Serve, stack: str) -> None:
    one = scenario(inline("client-abort", "received", 1), pauses={"received": 5})
    assert labels(serve(stack).run(one, TRIALS)) == {"clean_disconnect(1006)"}


@every_stack
def test_silence_is_the_receive_timeout(serve: Serve, stack: str) -> None:
    (run,) = serve(stack).run(scenario())
    assert run.outcome.label == "hang"
    assert run.ms >= SILENCE_MS


def _here(cell: Cell) -> bool:
    """Whether the cell was measured on what is installed, as far as it makes a difference."""
    stack = HERE.get(cell.stack)
    return (
        stack is not None
        and stack.server == cell.server
        and stack.python.split(".")[1] == cell.python.split(".")[1]
    )


def _skipped(cell: Cell) -> pytest.MarkDecorator:
    reason = f"measured on {cell.server} with Python {cell.python}"
    return pytest.mark.skipif(not _here(cell), reason=reason)


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, marks=_skipped(cell), id=f"{cell.stack}: {cell.label}") for cell in CELLS],
)
def test_a_measured_cell_comes_out_as_measured(serve: Serve, cell: Cell) -> None:
    one = scenario_of(cell, timing=Timing(late_ms=0))
    runs = serve(cell.stack).run(one, TRIALS)
    assert labels(runs) == cell.seen
    lost = sum(run.outcome.lost > 0 for run in runs)
    assert lost == (TRIALS if cell.message_lost else 0)
