"""Race files: whole, readable, the same text for the same run, and harmless whatever they hold."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files.outside import LARGEST_FILE
from sim.files.racefile import SCHEMA, RaceFile, from_text, row_of_choice, row_of_outcome, to_text
from sim.model.outcome import Finding, Outcome
from sim.model.scenario import Scenario
from sim.model.schedule import Choice, Kind, Question, Schedule

DIGEST = "0" * 63 + "f"
NAMES = st.text(st.characters(exclude_categories=["Cs"]))
OPTIONS = st.lists(NAMES, min_size=2, max_size=5).map(tuple) | st.tuples(
    st.integers(0, 1000), st.integers(2, 1 << 50)
).map(lambda pair: range(pair[0], pair[0] + pair[1]))


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    options = draw(OPTIONS)
    index = st.integers(0, len(options) - 1)
    question = Question(
        draw(st.sampled_from(Kind)), options, draw(index), draw(NAMES), draw(st.just(-1) | index)
    )
    return Choice(question, draw(index))


SCHEDULES = st.lists(choices(), max_size=5).map(tuple)
SCHEDULE = (
    Choice(Question(Kind.STEP, ("a", "b")), 1),
    Choice(Question(Kind.ARRIVAL, range(1, 10), 8, "c1>server"), 7),
)


def race(schedule: Schedule = SCHEDULE, **more: Any) -> RaceFile:
    scenario = {"name": "x", "window_ms": 3, "clients": {"script": ["connect", {"send": "hi"}]}}
    said = {
        "wsrace": "0.1.0",
        "scenario": scenario,
        "schedule": tuple(map(row_of_choice, schedule)),
        "outcome": row_of_outcome(
            Outcome(("need_accept_first",), (Finding("x", failure=True),), lost=2)
        ),
        "digest": DIGEST,
    }
    return RaceFile.model_validate(said | more)


TEXT = to_text(race())


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(TEXT)
    change(document)
    return json.dumps(document).encode()


def faults(data: bytes, source: str = "x.race.json") -> list[str]:
    with pytest.raises(UserError) as caught:
        from_text(data, source)
    assert caught.value.faults
    return list(caught.value.faults)


@given(SCHEDULES)
def test_a_file_gives_back_every_choice(schedule: Schedule) -> None:
    assert from_text(to_text(race(schedule)).encode(), "x").choices() == schedule


def test_a_file_gives_back_all_else_too() -> None:
    first = race(
        fidelity="wire",
        times="all",
        property="agreement",
        guard_source="a" * 64,
        counterexample={"why": ["競走", 1, None, {"deep": 0.5}]},
    )
    again = from_text(to_text(first).encode(), "x")
    assert again == first
    assert to_text(again) == to_text(first)


def test_a_file_is_an_object_with_its_schema_that_says_what_the_run_was() -> None:
    document = json.loads(TEXT)
    assert document["schema"] == SCHEMA
    assert document["outcome"] == {"classes": ["need_accept_first"], "failed": True, "lost": 2}
    assert document["scenario"] == {
        "name": "x",
        "window_ms": 3,
        "clients": {"script": ["connect", {"send": "hi"}]},
    }
    assert document["guard_source"] is None
    assert (document["times"], document["property"]) == ("fixed", "no-error")
    assert "counterexample" not in document


@given(SCHEDULES)
def test_a_file_is_ascii_with_sorted_keys_and_one_choice_to_a_line(schedule: Schedule) -> None:
    text = to_text(race(schedule))
    assert text.isascii()
    assert text.endswith("}\n")
    document = json.loads(text)
    assert list(document) == sorted(document)
    rows = [line for line in text.splitlines() if line.startswith("  {")]
    assert [json.loads(row.rstrip(",")) for row in rows] == document["schedule"]


def test_a_range_with_another_step_has_no_form() -> None:
    with pytest.raises(ValueError, match="no form for range"):
        row_of_choice(Choice(Question(Kind.VALUE, range(0, 10, 2)), 1))


def test_what_no_run_depends_on_is_not_in_the_file() -> None:
    told = Scenario.model_validate({"title": "t" * 500, "about": "a" * 500, "name": "x"})
    assert to_text(race(scenario=told)) == to_text(race(scenario={"name": "x"}))


def at(*path: str | int, value: Any) -> Callable[[dict[str, Any]], object]:
    """Return what sets a key of a document, or removes it if the value is None."""

    def change(document: Any) -> None:
        for piece in path[:-1]:
            document = document[piece]
        if value is None:
            del document[path[-1]]
        else:
            document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (at("schema", value="wsrace.race.2"), "schema: made by another version of wsrace; allowed"),
        (at("schema", value="wsrace.list.1"), "schema: not a race file; allowed: wsrace.race.1"),
        (at("schema", value=["wsrace.race.1"]), "schema: not a race file"),
        (at("schema", value=None), "schema: not a race file; allowed: wsrace.race.1, got None"),
        (at("digest", value=None), "digest: this key is missing"),
        (at("digest", value="F" * 64), "digest: String should match pattern"),
        (at("fidelity", value="wires"), "fidelity: unknown value 'wires'; allowed: asgi, wire"),
        (at("times", value="some"), "times: unknown value 'some'; allowed: fixed, all"),
        (at("property", value=7), "property: expected a string, got 7"),
        (at("guard_source", value="x"), "guard_source: String should match pattern"),
        (at("seed", value=1), "seed: unknown key; allowed: wsrace, fidelity, scenario, app"),
        (at("scenario", "mod", value="main"), "scenario.mod: unknown key; allowed: name, title"),
        (at("scenario", "mode", value="mian"), "unknown value 'mian'; allowed: main, factory"),
        (at("scenario", "guard", value="catc"), "scenario.guard: unknown guard 'catc'; allowed"),
        (at("scenario", "window_ms", value={"uniform": [0, 1]}), "scenario: its times must be"),
        (at("scenario", value=[]), "scenario: expected a table"),
        (at("outcome", "failed", value=1), "outcome.failed: expected true or false, got 1"),
        (at("outcome", "lost", value=-1), "outcome.lost: must be at least 0, got -1"),
        (at("outcome", "lost", value=True), "outcome.lost: expected an integer, got true"),
        (at("outcome", "classes", value="abc"), "outcome.classes: expected a list"),
        (at("schedule", value={}), "schedule: expected a list, got {}"),
        (at("schedule", 1, value=[]), "schedule.1: expected a table"),
        (at("schedule", 0, "kind", value="stop"), "schedule.0.kind: Input should be 'step',"),
        (at("schedule", 0, "picked", value=2), "schedule.0.picked: there are only 2 options"),
        (at("schedule", 0, "picked", value=None), "schedule.0.picked: this key is missing"),
        (at("schedule", 0, "picked", value="1"), "schedule.0.picked: expected an integer"),
        (at("schedule", 0, "picked", value=1.0), "schedule.0.picked: expected an integer"),
        (at("schedule", 0, "default", value=9), "schedule.0.default: there are only 2 options"),
        (at("schedule", 0, "running", value=2), "schedule.0.running: there are only 2 options"),
        (at("schedule", 0, "running", value=-2), "schedule.0.running: must be at least -1"),
        (at("schedule", 0, "options", value=["a"]), "schedule.0.options: expected 2 or more"),
        (at("schedule", 0, "options", value=["a", 1]), "options: expected names, or one number"),
        (at("schedule", 0, "options", value=1), "schedule.0.options: expected 2 or more, got 1"),
        (at("schedule", 0, "options", value="ab"), "schedule.0.options: expected"),
        (at("schedule", 0, "first", value=3), "schedule.0.first: only where options is a number"),
        (at("schedule", 0, "askr", value="x"), "did you mean 'asker'?"),
        (at("counterexample", value=[1]), "counterexample: expected a table, got [1]"),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_what_is_allowed(
    change: Callable[[dict[str, Any]], object], fault: str
) -> None:
    (line,) = faults(changed(change))
    assert line.startswith("x.race.json: ")
    assert fault in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", r"x\.race\.json:1: it is not JSON, or was cut"),
        (TEXT.encode()[:200], r"x\.race\.json:\d+: it is not JSON, or was cut"),
        (b"\xef\xbb\xbf" + TEXT.encode(), r"x\.race\.json:1: it begins with a byte order mark"),
        (TEXT.encode("utf-16"), r"x\.race\.json:1: it is not UTF-8"),
        (TEXT.replace('"lost": 2', '"lost": NaN').encode(), "NaN is no number"),
        (TEXT.replace('"lost": 2', '"lost": 2, "lost": 2').encode(), "'lost' stands there twice"),
        (TEXT.replace('"lost": 2', '"lost": ' + "2" * 5000).encode(), "larger than 2"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "expected an object with a key schema"),
        (b" " * (LARGEST_FILE + 1), "it is larger than 16 MiB"),
    ],
)
def test_what_is_no_such_document_is_said_in_one_line(data: bytes, fault: str) -> None:
    (line,) = faults(data)
    assert line.startswith("x.race.json:")
    assert re.search(fault, line)


def test_all_faults_are_named_at_once_but_not_more_than_a_person_reads() -> None:
    two = changed(lambda document: document.update(fidelity=1, times=2))
    assert len(faults(two)) == 2
    row = {"kind": "step", "options": ["a", "b"], "picke": 1}
    many = faults(changed(lambda document: document.update(schedule=[row] * 100_000)))
    assert len(many) == 21
    assert many[-1] == "x.race.json: and more"


@pytest.mark.parametrize(
    "change",
    [
        at("schedule", value=[[]] * 1_000_000),
        at("schedule", 0, "options", value=[1] * 1_000_000),
        at("outcome", "classes", value=[1] * 1_000_000),
        at("scenario", "injections", value=[{}] * 1_000_000),
        at("scenario", value={str(number): 1 for number in range(100_000)}),
    ],
    ids=["choices", "options", "classes", "injections", "keys"],
)
def test_a_million_faults_cost_no_more_than_a_few(
    change: Callable[[dict[str, Any]], object],
) -> None:
    assert len(faults(changed(change))) <= 21


def test_a_name_of_a_file_or_a_key_is_no_command_to_a_terminal() -> None:
    hostile = changed(lambda document: document.update({"\x1b[31m\n\u009b": 1}))
    (line,) = faults(hostile, "\x1b[31mx\n.race.json")
    assert line.isprintable()


@given(st.binary())
def test_any_bytes_are_a_user_error(data: bytes) -> None:
    assert all(line.isprintable() for line in faults(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(sorted(json.loads(TEXT))), JSON)
def test_any_value_of_any_key_is_a_user_error_or_a_file(key: str, value: Any) -> None:
    data = changed(lambda document: document.update({key: value}))
    said: Sequence[str] = ()
    try:
        found = from_text(data, "x")
    except UserError as error:
        said = error.faults
    else:
        said = ["read"]
        assert from_text(to_text(found).encode(), "x") == found
    assert said
    assert all(line.isprintable() for line in said)
