import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.model.load import (
    dotted,
    dump,
    key_paths,
    load,
    load_data,
    near,
    overlay,
    override,
    parse,
)
from sim.model.names import EVENTS, GUARDS, MODES, PROBES, RUNTIMES, STATES
from sim.model.profiles import PROFILES
from sim.model.scenario import Batch, Injection, Scenario
from sim.model.times import Draw

SOURCE = "scenarios/blind-spot.toml"
GUARD_NAMES = "none, pre-fix, post-fix, both-states, both-no-hop, catch, raw, or MODULE:NAME"
EXPECTED = "; allowed: none, some, all"
DRAWS = "; allowed: uniform, exponential, normal, list, grid"
INJECTION = "[[injections]]\ndo = 'client-close'\nat = 'top'\n"


def scenario(text: str) -> Scenario:
    loaded = load(text, SOURCE)
    assert isinstance(loaded, Scenario)
    return loaded


def faults(text: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        load(text, SOURCE)
    return list(caught.value.faults)


def test_a_scenario_is_read_with_its_tables() -> None:
    found = scenario(
        "mode = 'factory'\nwindow_ms = {uniform = [0, 20]}\n[clients]\nmessages = 3\n" + INJECTION
    )
    assert found.mode == "factory"
    assert found.window_ms == Draw(uniform=(0, 20))
    assert found.clients.messages == 3
    assert found.injections == (Injection(do="client-close", at="top"),)


def test_the_name_is_the_stem_of_the_source_unless_it_is_given() -> None:
    assert scenario("").name == "blind-spot"
    assert scenario("name = 'x'").name == "x"
    assert scenario("name = ''").name == ""
    assert load("", "C.toml").name == "C"


def test_a_document_that_includes_is_a_batch_whose_settings_are_not_checked() -> None:
    batch = load("[[include]]\nscenario = 'a'\n[include.set]\nbogus.key = 1", "all.toml")
    assert isinstance(batch, Batch)
    assert batch.name == "all"
    assert batch.include[0].set == {"bogus": {"key": 1}}


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


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\n= 3", ":2: Invalid statement (at line 2, column 1)"),
        ("a = 1\n\nb = \n", ":3: Invalid value (at line 3, column 5)"),
        ('a = """\n', ":1: "),
        ("a = " + "[" * 5000, ": nested too deeply"),
        ("a = " + "[" * 99 + "]" * 99, ": nested too deeply"),
        ("a = " + "9" * 5000, ": Exceeds the limit"),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(text: str, fault: str) -> None:
    (line,) = faults(text)
    assert line.startswith(SOURCE + fault)


def test_without_a_text_faults_name_no_line() -> None:
    with pytest.raises(UserError) as caught:
        load_data({"name": 3}, "here")
    assert caught.value.faults == ("here: name: expected a string, got 3",)


def test_a_fault_is_one_line_whatever_the_key() -> None:
    (line,) = faults('"a\\nb" = 1')
    assert "\n" not in line
    assert line.startswith(f'{SOURCE}:1: "a\\nb": unknown key')


def test_a_short_name_for_a_long_one_is_understood() -> None:
    assert near("hypercron", PROFILES) == f"; did you mean {'hypercorn-asyncio@0.18'!r}?"
    assert near("hyp", PROFILES) == ""
    assert near("zzzz", PROFILES) == ""


TEXTS = st.text("ab '\"\n\\.\u2028")
"""Hostile texts, but for the words that no fault may hold."""
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.sampled_from(PROBES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*Scenario.model_fields, *Draw.model_fields, "x"]), inner)
    ),
    max_leaves=8,
)


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


@given(st.text())
@example("[[include]]\n")
def test_any_text_is_a_scenario_or_a_user_error(text: str) -> None:
    with suppress(UserError):
        load(text, "here.toml")


@pytest.mark.parametrize(
    ("setting", "data"),
    [
        ("mode=factory", {"mode": "factory"}),
        ("mode = 'factory'", {"mode": "factory"}),
        ("title=", {"title": ""}),
        ("title=a=b", {"title": "a=b"}),
        ("title=1\nx = 2", {"title": "1\nx = 2"}),
        ("clients.messages=3", {"clients": {"messages": 3}}),
        ("handler.fast=false", {"handler": {"fast": False}}),
        ("sweep.values=[1,2]", {"sweep": {"values": [1, 2]}}),
        ("window_ms={uniform=[0,20]}", {"window_ms": {"uniform": [0, 20]}}),
        ("expect.'m:g'.\"asyncio-3.11\"=all", {"expect": {"m:g": {"asyncio-3.11": "all"}}}),
        ("expect.m:g=all", {"expect": {"m:g": "all"}}),
        ("title=" + "[" * 5000, {"title": "[" * 5000}),
        ("title=" + "9" * 5000, {"title": "9" * 5000}),
    ],
)
def test_a_setting_is_a_toml_value_or_a_string(setting: str, data: dict[str, Any]) -> None:
    assert override({}, [setting]) == data


def test_a_setting_reaches_into_lists_and_leaves_the_rest() -> None:
    data = {"injections": [{"do": "a", "delay_ms": 1}, {"do": "b"}], "sweep": {"values": (1, 2)}}
    changed = override(data, ["injections.1.delay_ms=5", "injections.0.do=c", "sweep.values.0=9"])
    assert changed["injections"] == [{"do": "c", "delay_ms": 1}, {"do": "b", "delay_ms": 5}]
    assert changed["sweep"] == {"values": [9, 2]}
    assert data["injections"] == [{"do": "a", "delay_ms": 1}, {"do": "b"}]


def test_later_settings_go_last() -> None:
    assert override({}, ["mode=a", "mode=b"]) == {"mode": "b"}


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("mode", "expected KEY=VALUE"),
        ("a b=1", "expected KEY=VALUE"),
        ("", "an empty or malformed key"),
        ("=3", "an empty or malformed key"),
        ("a..b=3", "an empty or malformed key"),
        ("injections.1.do=x", "injections is a list of 1, counted from 0; it has no element 1"),
        ("injections.-1=x", "injections is a list of 1, counted from 0; it has no element -1"),
        ("injections.x=x", "injections is a list of 1, counted from 0; it has no element x"),
        ("injections." + "9" * 5000 + "=x", "injections is a list of 1, counted from 0;"),
        ("name.first=x", "name is neither a table nor a list"),
        ("injections.0.do.x=1", "injections.0.do is neither a table nor a list"),
    ],
)
def test_a_setting_that_cannot_be_applied_is_named(setting: str, fault: str) -> None:
    data = {"name": "n", "injections": [{"do": "a"}]}
    with pytest.raises(UserError) as caught:
        override(data, [setting, "mode=factory", "bad"])
    first, second = caught.value.faults
    assert first.startswith(f"setting {setting!r}: {fault}")
    assert second == "setting 'bad': expected KEY=VALUE"


@given(
    st.dictionaries(st.sampled_from(["a", "b", "0"]), NESTED),
    st.lists(st.text() | st.from_regex(r"[ab01]([.][ab01x])?([.][01])?=.*", fullmatch=True)),
)
def test_any_settings_apply_or_are_a_user_error(data: dict[str, Any], changes: list[str]) -> None:
    with suppress(UserError):
        assert isinstance(override(data, changes), dict)


def test_tables_are_laid_over_tables_and_all_else_takes_its_place() -> None:
    data = {
        "window_ms": {"exponential": 5},
        "clients": {"count": 2, "messages": 1},
        "expect": {"pre-fix": "all", "catch": "none"},
        "injections": [{"do": "a"}, {"do": "b"}],
        "sweep": {"values": [1, 2]},
    }
    changes = {
        "window_ms": {"uniform": [0, 20]},
        "clients": {"messages": 3},
        "clients.code": 4000,
        "expect": {"pre-fix": {"trio": "some"}},
        "injections": {"1": {"delay_ms": 4}},
        "injections.0.hops": 2,
        "sweep": {"values": [7]},
        "setup": {"manager": "error"},
        "title": "t",
    }
    assert overlay(data, changes) == {
        "window_ms": {"uniform": [0, 20]},
        "clients": {"count": 2, "messages": 3, "code": 4000},
        "expect": {"pre-fix": {"trio": "some"}, "catch": "none"},
        "injections": [{"do": "a", "hops": 2}, {"do": "b", "delay_ms": 4}],
        "sweep": {"values": [7]},
        "setup": {"manager": "error"},
        "title": "t",
    }
    assert data["clients"] == {"count": 2, "messages": 1}


def test_changes_without_a_place_are_named() -> None:
    with pytest.raises(UserError) as caught:
        overlay({"injections": []}, {"a b": 1, "injections": {"0": {"do": "x"}}, "mode": "main"})
    assert caught.value.faults == (
        "key 'a b': an empty or malformed key",
        "key 'injections': this is a list of 0, counted from 0; it has no element 0",
    )


TIMES = st.floats(0, 1e6) | st.integers(0, 10**6)
DRAWN = st.one_of(
    TIMES,
    st.tuples(TIMES, TIMES).map(lambda pair: {"uniform": sorted(pair)}),
    st.floats(0.1, 1e300).map(lambda mean: {"exponential": mean}),
    st.floats(0.1, 1e6).map(lambda mean: {"normal": [mean, mean]}),
    st.lists(TIMES, min_size=1).map(lambda values: {"list": values}),
    st.tuples(TIMES, TIMES, st.integers(2, 99)).map(lambda grid: {"grid": list(grid)}),
)


def some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with any of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


INJECTIONS = st.lists(
    st.builds(
        lambda do, place, rest: {"do": do, **place, **rest},
        st.sampled_from(EVENTS),
        st.sampled_from(PROBES).map(lambda at: {"at": at}) | DRAWN.map(lambda t: {"time_ms": t}),
        some(
            nth=st.integers(1, 9),
            delay_ms=DRAWN,
            hops=st.integers(0, 1000) | st.just({"list": [1, 2]}),
            queued=st.booleans(),
            to=st.lists(st.sampled_from(STATES), min_size=1),
        ),
    ),
    max_size=3,
)
SCRIPTS = st.lists(st.just("fin") | st.builds(dict, send=st.text()), max_size=9).map(
    lambda rows: [{"connect": ["chat"], "headers": {"x-user": "ada"}}, *rows]
)
GUARD = st.sampled_from([*GUARDS, "mine.guards:own"])
EXPECTATION = st.sampled_from(["none", "some", "all"])
SCENARIOS = some(
    name=st.text(),
    title=st.text(),
    about=st.text(),
    mode=st.sampled_from(MODES),
    guard=GUARD,
    runtime=st.sampled_from(RUNTIMES),
    server=st.sampled_from(list(PROFILES)),
    window_ms=DRAWN,
    window_hops=st.integers(0, 1000),
    pauses=st.dictionaries(st.sampled_from(PROBES), TIMES),
    end_ms=st.floats(0.1) | st.just(float("inf")),
    handler=some(poll_ms=TIMES, retry_ms=st.lists(TIMES), sends=st.integers(0, 9)),
    setup=some(services=st.just("never"), services_ms=DRAWN),
    clients=some(count=st.integers(1, 99), script=SCRIPTS),
    injections=INJECTIONS,
    sweep=some(values=st.lists(TIMES, min_size=1), guards=st.lists(GUARD), unit=st.text()),
    expect=st.dictionaries(
        GUARD,
        EXPECTATION | st.dictionaries(st.sampled_from(RUNTIMES), EXPECTATION),
    ),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(SCENARIOS)
@example({})
@example({"title": 'a\x7f\x00"\\\n\r\n\t\u2028é'})
@example({"mode": "legacy", "shape": "original", "window_ms": 0})
def test_what_is_dumped_loads_back_equal(data: dict[str, Any]) -> None:
    made = Scenario.model_validate(data)
    text = dump(made)
    assert load(text, "elsewhere.toml") == made
    assert dump(scenario(text)) == text


def test_a_dump_leaves_out_defaults_and_has_one_form() -> None:
    made = Scenario.model_validate(
        {
            "name": "n",
            "mode": "factory",
            "guard": "pre-fix",
            "window_ms": {"uniform": [0.0, 20.5]},
            "pauses": {"top": 5.0, "closing": 1},
            "clients": {"messages": 3, "count": 1},
            "injections": [{"do": "client-close", "at": "top"}, {"do": "client-eof", "time_ms": 3}],
            "expect": {"pre-fix": {"trio": "all", "asyncio-3.11": "none"}, "a.b:c": "some"},
        }
    )
    assert dump(made) == (
        'name = "n"\nmode = "factory"\nwindow_ms = {uniform = [0, 20.5]}\n'
        "\n[pauses]\nclosing = 1\ntop = 5\n"
        "\n[clients]\nmessages = 3\n"
        '\n[[injections]]\ndo = "client-close"\nat = "top"\n'
        '\n[[injections]]\ndo = "client-eof"\ntime_ms = 3\n'
        '\n[expect]\n"a.b:c" = "some"\npre-fix = {"asyncio-3.11" = "none", trio = "all"}\n'
    )
    assert dump(Scenario()) == 'name = ""\n'


def test_a_long_list_is_dumped_one_item_a_line() -> None:
    made = Scenario.model_validate({"clients": {"script": ["connect", {"send": "x" * 80}, "fin"]}})
    rows = f'[\n  "connect",\n  {{send = "{"x" * 80}"}},\n  "fin",\n]'
    assert dump(made) == f'name = ""\n\n[clients]\nscript = {rows}\n'


def test_a_drawn_scenario_can_be_dumped() -> None:
    made = scenario(INJECTION + "delay_ms = {uniform = [0, 20]}").resolve("key")
    assert scenario(dump(made)) == made


def test_what_toml_cannot_hold_is_not_dumped() -> None:
    made = Scenario.model_validate({"clients": {"script": ["connect", {"ping": None}]}})
    with pytest.raises(UserError, match="TOML has no form for None"):
        dump(made)


def test_key_paths_name_every_key_that_settings_can_reach() -> None:
    paths = key_paths()
    assert len(set(paths)) == len(paths)
    assert {path.split(".")[0] for path in paths} == set(Scenario.model_fields)
    assert {"mode", "window_ms", "clients.messages", "injections.N.delay_ms"} < set(paths)
    assert {"pauses.NAME", "expect.NAME", "handler.poll_ms", "sweep.values"} < set(paths)


@pytest.mark.parametrize("path", key_paths())
def test_every_key_path_is_a_key_that_scenarios_know(path: str) -> None:
    changed = override(parse(INJECTION, SOURCE), [f"{path.replace('N.', '0.')}=@"])
    try:
        load_data(changed, SOURCE)
    except UserError as error:
        unknown = [fault for fault in error.faults if "unknown key" in fault]
        assert bool(unknown) == (path == "pauses.NAME")


def test_a_path_is_written_as_toml_writes_keys() -> None:
    assert dotted(("injections", 0, "a b", 'q"', "")) == 'injections.0."a b"."q\\""' + '.""'
