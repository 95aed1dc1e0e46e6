"""What real connections with random timing go through lies inside of what the search says.

The application's own uvicorn class, real TCP, epoll and clock, nothing led: a history outside of
the set is a fault of the model.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from sim.aio.session import ready
from sim.kernel.series import run_search
from sim.model.app import SERVERS, Bounds, ServerName
from sim.model.record import End, Ending
from sim.runs.app import AppSubject
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from tests.helpers.applications import subject
from tests.helpers.real_clients import history_of, live_through

History = tuple[tuple[str, str, str], ...]
FEW, MANY = 25, 300


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    with ready():
        yield


def simulated(one: AppSubject, most: int = 20_000) -> set[History]:
    """Return every history within the bounds."""
    found: set[History] = set()

    def on_end(end: End) -> None:
        found.add(history_of(end))

    assert run_search(one.job(Fifo()), Exhaustive(), on_end, most).complete
    return found


def lived(one: AppSubject, many: int) -> Counter[History]:
    """Return the histories of so many real runs, with how often each was met."""
    ends = [live_through(one, seed) for seed in range(many)]
    assert {end.ending for end in ends} == {Ending.DEADLOCK}
    return Counter(map(history_of, ends))


CASES = [
    (("plain:careful", "send:a, send:b, close"), 0),
    (("plain:raw", "send:a, fin"), 0),
    (("guarded:app", "/ws send:a, drop"), 0),
    (("guarded:app", "/ws send:a, rst"), 1),
    (("guarded:app", "/ws?guard=both-states send:a, close"), 1),
]


TWO = (("rooms:app", "/room/a close", "/room/b close"), 0)
"""On the class `websockets` these have thousands of schedules."""
EVERY = [
    pytest.param(*case, server, marks=[pytest.mark.slow] if big else [])
    for case in (*CASES, TWO)
    for server in SERVERS
    for big in [case is TWO and server == "websockets"]
]


@pytest.mark.parametrize("many", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("asked", "late", "server"), EVERY, ids=str)
def test_no_real_connection_goes_through_what_no_schedule_does(
    asked: tuple[str, ...], late: int, server: ServerName, many: int
) -> None:
    one = subject(*asked, server=server, bounds=Bounds(late=late))
    known, seen = simulated(one), lived(one, many)
    outside = {history: count for history, count in seen.items() if history not in known}
    assert outside == {}
    assert len(seen) > 1 or len(known) < 4  # chance leads to more than one of them


def test_a_model_that_lacks_an_order_would_be_noticed() -> None:
    """Half of what the search says is not enough for what real connections do."""
    one = subject("rooms:app", "/room/a close", "/room/b close")
    seen = lived(one, FEW)
    lacking = simulated(one) - {seen.most_common(1)[0][0]}
    assert any(history not in lacking for history in seen)
