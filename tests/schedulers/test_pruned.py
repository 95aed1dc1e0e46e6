"""The search by states against the full search, on a machine whose states are known."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import Redundant
from sim.model.schedule import Kind, Question
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.pruned import Pruned

Graph = tuple[tuple[int, ...], ...]
"""For each node where it leads to, always to later ones; the last one is an end."""


def walk(graph: Graph, choose: Callable[[Question], int], visit: Callable[[int], None]) -> int:
    """Go through a graph until its end, or one of its ends. Return it."""
    at = 0
    while graph[at]:
        visit(at)
        options = graph[at]
        question = Question(Kind.STEP, tuple(map(str, options)), 0, "")
        at = options[choose(question)] if len(options) > 1 else options[0]
    return at


def ends(graph: Graph, search: Exhaustive) -> tuple[set[int], int]:
    """Return which ends a search finds, and in how many runs."""
    found: set[int] = set()
    runs = 0
    while (scheduler := search.next_scheduler()) is not None:
        runs += 1
        chosen = 0

        def choose(question: Question, pick: Callable[[Question], int] = scheduler.choose) -> int:
            nonlocal chosen
            chosen += 1
            return pick(question)

        def visit(node: int) -> None:
            if isinstance(search, Pruned):
                search.visit(lambda: (bytes([node]), 0, ()))

        try:
            found.add(walk(graph, choose, visit))
        except Redundant:
            continue
    return found, runs


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(2, 8))
    nodes = []
    for node in range(size):
        later = range(node + 1, size)
        nodes.append(tuple(draw(st.lists(st.sampled_from(later), max_size=3))) if later else ())
    return tuple(nodes)


@given(graphs())
def test_it_finds_every_end_that_the_full_search_finds_and_makes_no_more_runs(graph: Graph) -> None:
    whole, all_runs = ends(graph, Exhaustive())
    found, runs = ends(graph, Pruned())
    assert found == whole
    assert runs <= all_runs


def test_it_goes_on_once_from_each_state() -> None:
    ladder: Graph = (*((node + 1, node + 1) for node in range(10)), ())
    assert ends(ladder, Exhaustive())[1] == 2**10
    search = Pruned()
    assert ends(ladder, search) == ({10}, 11)
    assert (search.states, search.alike) == (10, 9)


def test_a_state_on_the_runs_own_way_is_a_cycle_and_no_repetition() -> None:
    """A run that turns round ends by what ends such runs: it is not cut before."""
    search = Pruned()
    turns = []
    while (scheduler := search.next_scheduler()) is not None:
        turn = 0
        while turn < 4:  # after some rounds whoever runs it lets it end
            turn += 1
            scheduler.visit(lambda: (b"the same", 0, ()))
            if scheduler.choose(Question(Kind.STEP, ("stay", "leave"), 0, "")):
                break
        turns.append(turn)
    assert turns == [4, 1]


def test_how_long_nothing_has_happened_tells_states_apart() -> None:
    question = Question(Kind.STEP, ("x", "y", "z"), 0, "")
    search, cut = Pruned(), []
    for waited in (1, 2, 1):
        scheduler = search.next_scheduler()
        assert scheduler is not None
        scheduler.choose(question)
        try:
            scheduler.visit(lambda waited=waited: (b"state", waited, ()))  # type: ignore[misc]
            cut.append(False)
        except Redundant:
            cut.append(True)
    assert cut == [False, False, True]
    assert search.next_scheduler() is None


def test_more_time_left_covers_less_and_not_the_other_way_round() -> None:
    question = Question(Kind.STEP, ("x", "y", "z", "more of one, less of the other"), 0, "")
    search, cut = Pruned(), []
    for left in ((5, 5), (6, 5), (6, 4), (7, 4)):
        scheduler = search.next_scheduler()
        assert scheduler is not None
        scheduler.choose(question)
        try:
            scheduler.visit(lambda left=left: (b"state", 0, left))  # type: ignore[misc]
            cut.append(False)
        except Redundant:
            cut.append(True)
    assert cut == [False, False, True, False]
    assert search.states == 1


def test_a_run_on_new_ground_is_cut_once_enough_was_looked_at() -> None:
    stopped: list[bool] = []
    search = Pruned(lambda: bool(stopped))
    assert search.next_scheduler() is search
    search.visit(lambda: (b"one", 0, ()))
    stopped.append(True)
    with pytest.raises(Redundant, match="stopped"):
        search.visit(lambda: (b"another", 0, ()))
    assert search.states == 1


ROUND = Question(Kind.STEP, ("leave", "stay"), 0, "")


def go_round(search: Pruned, rounds: int) -> list[int]:
    """Return how many rounds each run took: it may leave in each, and is asked again if it stays.

    Time goes by: less and less is left.
    """
    taken = []
    while (scheduler := search.next_scheduler()) is not None:
        done, goes_round = 0, False
        while done < rounds:
            if not goes_round:
                left = (rounds - done,)
                goes_round = scheduler.visit(lambda left=left: (b"here", 0, left))  # type: ignore[misc]
            if scheduler.choose(ROUND) == 0:
                break
            done += 1
        taken.append(done)
    return taken


def test_who_goes_round_against_its_usual_way_goes_on_until_time_is_up() -> None:
    """Else nobody would see what staying for ever ends in."""
    assert go_round(Pruned(), 50) == [0, 50]


def test_a_run_that_goes_round_answers_as_usual_once_it_is_asked_something_else() -> None:
    search = Pruned()
    scheduler = search.next_scheduler()
    assert scheduler is not None
    scheduler.visit(lambda: (b"here", 0, (2,)))
    scheduler.choose(ROUND)
    assert search.next_scheduler() is scheduler
    scheduler.visit(lambda: (b"here", 0, (2,)))
    assert scheduler.choose(ROUND) == 1
    assert scheduler.visit(lambda: (b"here", 0, (1,)))
    other = Question(Kind.STEP, ("leave", "stay", "wait"), 2, "")
    assert (scheduler.choose(other), scheduler.choose(ROUND)) == (2, 0)
    assert search.next_scheduler() is None
