import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files.faults import dotted
from sim.files.load import load_data
from sim.model.names import RUNTIMES
from sim.model.plain import near
from sim.model.profiles import PROFILES
from sim.model.scenario import Scenario
from tests.helpers.documents import INJECTION, NESTED, SOURCE, faults

GUARD_NAMES = "none, pre-fix, post-fix, both-states, both-no-hop, catch, raw, or MODULE:NAME"
EXPECTED = "; allowed: none, some, all, race-free, racy"
DRAWS = "; allowed: uniform, exponential, normal, list, grid"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bogsu = 1", "1: bogsu: unknown key; allowed: name, title, about, mode, shape, guard,"),
        ("naem = 'a'", "'name'?"),
        ("[handler]\npoll = 1", "2: handler.poll: unknown key; allowed: receive_timeout_ms,"),
        ("[handler]\npoll = 1", "did you mean 'poll_ms'?"),
        (
            "mode = 'fatcory'",
            "1: mode: unknown value 'fatcory'; allowed: main, factory, isolated, legacy; "
            "did you mean 'factory'?",
        ),
        ("shape = 3", "1: shape: unknown value 3; allowed: report, original"),
        (
            "guard = 'prefix'",
            f"1: guard: unknown guard 'prefix'; allowed: {GUARD_NAMES}; did you mean 'pre-fix'?",
        ),
        (
            "\n\nserver = 'uvicron'",
            f"3: server: unknown server profile 'uvicron'; allowed: {', '.join(PROFILES)}; "
            f"did you mean {next(iter(PROFILES))!r}?",
        ),
        ("name = 3", "1: name: expected a string, got 3"),
        ("setup = 3", "1: setup: expected a table, got 3"),
        ("injections = 3", "1: injections: expected a list, got 3"),
        ("injections = [7]", "1: injections.0: expected a table, got 7"),
        (INJECTION + "queued = 'x'", "4: injections.0.queued: expected true or false, got 'x'"),
        ("window_hops = -1", "1: window_hops: must be at least 0, got -1"),
        ("window_hops = 1.5", "1: window_hops: expected an integer, got 1.5"),
        ("clients.code = 5000", "1: clients.code: must be at most 4999, got 5000"),
        ("clients.count = '" + "9" * 5000 + "'", "1: clients.count: Unable to parse input string"),
        ("end_ms = 0", "1: end_ms: must be above 0, got 0"),
        ("window_ms = nan", "1: window_ms: must be a finite number, got nan"),
        ("[sweep]\nvalues = []", "2: sweep.values: expected 1 or more items, got []"),
        ("sweep.values = ['a']", "1: sweep.values.0: expected a number, got 'a'"),
        ("handler.retry_ms = [1, -2]", "1: handler.retry_ms.1: must be at least 0, got -2"),
        ("[pauses]\ntpo = 1", "2: pauses.tpo: unknown key; allowed: connecting, preaccept,"),
        ("[pauses]\ntop = -2", "2: pauses.top: must be at least 0, got -2"),
        ("[[injections]]\nat = 'top'", "1: injections.0.do: this key is missing"),
        ("[[injections]]\ndo = 'client-close'", "1: injections.0: an injection has either"),
        (INJECTION + "nht = 2", "4: injections.0.nht: unknown key; allowed: do, at, nth,"),
        (INJECTION + "client = 3", "1: injections.0.client: there are only 1 clients, got 3"),
        ("clients.script = ['conect']", "1: clients.script: client script, row 1: unknown action"),
        ("expect.prefix = 'all'", f"unknown guard 'prefix'; allowed: {GUARD_NAMES}"),
        ("expect.prefix = 'all'", "did you mean 'pre-fix'?"),
        ("sweep.runtimes = ['tiro']", "1: sweep.runtimes.0: unknown value 'tiro'; allowed:"),
        ("nth = 0x" + "f" * 5000, "1: nth: unknown key"),
        ("mode = 0x" + "f" * 5000, "1: mode: unknown value a number that is too long; allowed:"),
        ("name = [" + "'abc', " * 99 + "]", "got ['abc', 'abc',"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, fault: str) -> None:
    (line,) = faults(text)
    assert line.startswith(f"{SOURCE}:")
    assert fault in line


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("delay_ms = -1", "delay_ms: must be at least 0, got -1"),
        ("delay_ms = 'x'", "delay_ms: expected a number or a table, got 'x'"),
        ("hops = 'x'", "hops: expected an integer or a table, got 'x'"),
        ("hops = 1.5", "hops: expected an integer, got 1.5"),
        (
            "delay_ms = {unifrom = [0, 2]}",
            f"delay_ms.unifrom: unknown key{DRAWS}; did you mean 'uniform'?",
        ),
        ("hops = {uniform = [0]}", "hops.uniform: too few values, got [0]"),
        ("hops = {uniform = 3}", "hops.uniform: expected a list, got 3"),
        ("hops = {uniform = [0, -1]}", "hops.uniform.1: must be at least 0, got -1"),
        (
            "hops = {}",
            "hops: a draw has exactly one of uniform, exponential, normal, list, grid; got none",
        ),
        (
            "delay_ms = {uniform = [2, 1]}",
            "delay_ms.uniform: the first value must not exceed the second: (2.0, 1.0)",
        ),
    ],
)
def test_a_number_or_a_draw_that_is_neither_gives_one_fault(text: str, fault: str) -> None:
    assert faults(INJECTION + text) == [f"{SOURCE}:4: injections.0.{fault}"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("catch = 'al'", f"catch: unknown value 'al'{EXPECTED}; did you mean 'all'?"),
        ("catch = 3", f"catch: unknown value 3{EXPECTED}"),
        ("catch.trio = 'nne'", f"catch.trio: unknown value 'nne'{EXPECTED}; did you mean 'none'?"),
        ("catch.tri = 'all'", f"catch.tri: unknown key; allowed: {', '.join(RUNTIMES)}; did you"),
        ("catch.'trio 3.1' = 'all'", 'catch."trio 3.1": unknown key; allowed: '),
    ],
)
def test_an_expectation_that_is_neither_a_word_nor_a_table_gives_one_fault(
    text: str, fault: str
) -> None:
    (line,) = faults(f"[expect]\n{text}")
    assert line.startswith(f"{SOURCE}:2: expect.{fault}")


def test_all_faults_come_at_once_in_the_order_of_their_lines() -> None:
    lines = faults("mode = 'x'\nbogus = 1\nname = 3\n[handler]\npoll_ms = -1\n[clients]\ncount = 0")
    assert [line.split(": ")[0] for line in lines] == [f"{SOURCE}:{n}" for n in (1, 2, 3, 5, 7)]


def test_a_wrong_entry_of_a_batch_is_named() -> None:
    assert faults("[[include]]\nscenario = 3\nst = 1") == [
        f"{SOURCE}:2: include.0.scenario: expected a string, got 3",
        f"{SOURCE}:3: include.0.st: unknown key; allowed: scenario, label, set; "
        "did you mean 'set'?",
    ]
    assert faults("include = []") == [f"{SOURCE}:1: include: expected 1 or more items, got []"]


def test_without_a_text_faults_name_no_line() -> None:
    with pytest.raises(UserError) as caught:
        load_data({"name": 3}, "here")
    assert caught.value.faults == ("here: name: expected a string, got 3",)


def test_a_fault_is_one_line_whatever_the_key() -> None:
    (line,) = faults('"a\\nb" = 1')
    assert "\n" not in line
    assert line.startswith(f'{SOURCE}:1: "a\\nb": unknown key')


@given(st.dictionaries(st.sampled_from([*Scenario.model_fields, "include", "x"]), NESTED))
def test_any_data_is_a_scenario_or_one_clear_line_per_fault(data: dict[str, Any]) -> None:
    try:
        load_data(data, "here")
    except UserError as error:
        for fault in error.faults:
            assert fault.startswith("here: ")
            assert len(fault.splitlines()) == 1
            assert not re.search(
                r"function-after|constrained-|literal\[|pydantic|Value error", fault
            )


def test_a_short_name_for_a_long_one_is_understood() -> None:
    assert near("hypercron", PROFILES) == f"; did you mean {'hypercorn-asyncio@0.18'!r}?"
    assert near("hyp", PROFILES) == ""
    assert near("zzzz", PROFILES) == ""


def test_a_path_is_written_as_toml_writes_keys() -> None:
    assert dotted(("injections", 0, "a b", 'q"', "")) == 'injections.0."a b"."q\\""' + '.""'
