"""What people are told of searches in a file of results."""

from rich.console import Console

from sim.report.text.searches import heading, row_of, tell_searches
from sim.store.searches import KeptSearch

SAID = {
    "scenario": {"name": "blind-spot", "guard": "catch"},
    "handler": None,
    "strategy": "dpor",
    "times": "all",
}
KEPT = KeptSearch(SAID, None, 12, 1_234, 0, {"time_up": 1_234})


def told(*searches: KeptSearch) -> str:
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        for part in tell_searches(searches):
            console.print(part)
    return captured.get()


def test_how_far_a_search_is_and_that_it_has_no_verdict() -> None:
    text = told(KEPT)
    assert (
        "blind-spot, guard catch, dpor, times all: 1,234 classes, 0 of them fail; 12 pieces of the "
        "search"
    ) in " ".join(text.split())
    assert "time_up" in text
    assert "no verdict yet" in text


def test_a_verdict_is_told_in_its_own_words() -> None:
    text = told(KEPT._replace(verdict={"verdict": "race-free", "says": "race-free: complete"}))
    assert "when it was asked last: race-free: complete" in text
    assert "no verdict" not in text


def test_a_handler_is_named_instead_of_the_guard() -> None:
    said = {**SAID, "handler": "chat:handle"}
    assert heading(KEPT._replace(said=said)).startswith(
        "blind-spot, handler".replace("handler", "")
    )
    assert "chat:handle" in heading(KEPT._replace(said=said))
    assert "catch" not in heading(KEPT._replace(said=said))


def test_what_a_file_says_by_way_of_nonsense_stays_text() -> None:
    for said in (None, "text", [1], {"scenario": 3}, {"scenario": {"name": "\x1b[31m"}}):
        text = told(KEPT._replace(said=said, endings={"\x1b[0m": 1}, verdict=["x"]))
        assert "\x1b" not in text
        assert "1,234 classes" in text


def test_a_search_that_has_met_nothing_says_so() -> None:
    assert ": no class; 0 pieces" in heading(KeptSearch(SAID, None, 0, 0, 0, {}))


def test_for_programs_it_is_the_same_as_data() -> None:
    assert row_of(KEPT)["classes"] == 1_234
    assert row_of(KEPT)["verdict"] is None
