from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files.dump import dump
from sim.files.load import load
from sim.model.names import EVENTS, GUARDS, MODES, PROBES, RUNTIMES, STATES
from sim.model.profiles import PROFILES
from sim.model.scenario import NEVER_AWAITED, Scenario
from tests.files.documents import INJECTION, scenario

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
    pauses=st.dictionaries(st.sampled_from(sorted({*PROBES} - {*NEVER_AWAITED})), TIMES),
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
            "pauses": {"top": 5.0, "accepted": 1},
            "clients": {"messages": 3, "count": 1},
            "injections": [{"do": "client-close", "at": "top"}, {"do": "client-eof", "time_ms": 3}],
            "expect": {"pre-fix": {"trio": "all", "asyncio-3.11": "none"}, "a.b:c": "some"},
        }
    )
    assert dump(made) == (
        'name = "n"\nmode = "factory"\nwindow_ms = {uniform = [0, 20.5]}\n'
        "\n[pauses]\naccepted = 1\ntop = 5\n"
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
