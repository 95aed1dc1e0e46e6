"""The loop is closed: the log of a simulated run, read like a real one, names its mechanism."""

import json
from collections.abc import Iterator

import pytest

from sim.files.catalog import open_scenario
from sim.logs.matching import match_patterns
from sim.logs.patterns import BY_NAME, ERROR, MECHANISMS, PATTERNS
from sim.model.record import Event
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.sut.guards import GUARDS
from tests.helpers.reading_logs import NEUTRAL, document, hits, triage
from tests.helpers.simulated_logs import entries_of, lines_of

AT_2 = ("injections.0.delay_ms=2", "window_ms=10")
RUNS: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "blind-spot": ("blind-spot", ("injections.0.delay_ms=9",), ERROR, "blind spot"),
    "blind-spot, fixed": (
        "blind-spot", ("injections.0.delay_ms=9", "guard=post-fix"), ERROR, "blind spot",
    ),
    "server-close": ("server-close", AT_2, ERROR, "server close"),
    "server-close, both states": (
        "server-close", (*AT_2, "guard=both-states"), "guard-stopped", "server close",
    ),
    "wait-for-hop": (
        "wait-for-hop", ("injections.0.hops=1", "window_hops=1", "guard=both-states"), ERROR, "hop",
    ),
    "setup-race": ("setup-race", (), "never-ready", "set-up race"),
    "setup-race, refused": ("setup-race", (), "transition-refused", "set-up race"),
    "eaten-disconnect": (
        "eaten-disconnect", AT_2, "receive-after-disconnect", "eaten disconnect",
    ),
    "eaten-disconnect, fixed": (
        "eaten-disconnect", (*AT_2, "guard=post-fix"), "state-changed", "eaten disconnect",
    ),
    "eaten-disconnect, at once": (
        "eaten-disconnect", (*AT_2, "clients.delay_ms=20"), "concurrent-receive",
        "eaten disconnect",
    ),
    "state-change": ("state-change", (*AT_2, "guard=post-fix"), "state-changed", "state change"),
    "accept-race": (
        "accept-race", ("injections.0.delay_ms=2", "pauses.preaccept=10"), "set-up-error",
        "accept race",
    ),
    "accept-race, 0.35": (
        "accept-race",
        ("injections.0.delay_ms=2", "pauses.preaccept=10", "server=uvicorn-wsproto@0.35"),
        "out-of-order", "accept race",
    ),
}  # fmt: skip


def played(name: str, settings: tuple[str, ...] = ()) -> tuple[Event, ...]:
    scenario = open_scenario(name, settings)
    assert isinstance(scenario, Scenario)
    return play(scenario).events


def forms(events: tuple[Event, ...]) -> Iterator[bytes]:
    yield "".join(f"{line}\n" for line in lines_of(events)).encode()
    entries = list(entries_of(events))
    yield json.dumps(entries, indent=2).encode()
    yield "".join(json.dumps(one) + "\n" for one in entries).encode()


@pytest.mark.parametrize("run", RUNS)
def test_the_log_of_a_run_names_its_mechanism_among_the_consistent_ones(run: str) -> None:
    name, settings, pattern, mechanism = RUNS[run]
    seen = []
    for log in forms(played(name, settings)):
        found = triage(log)
        seen.append(hits(found))
        assert found.counts.patterns[pattern].hits == 1
        assert mechanism in BY_NAME[pattern].of
        assert MECHANISMS[mechanism].scenario == name
        assert found.counts.timeless == found.counts.unzoned == 0
        kept = found.counts.connections.busiest(9)
        assert [key for key, *_ in kept] == ["c1"]
    assert seen[0] == seen[1] == seen[2]


def test_a_healthy_run_has_good_lines_only() -> None:
    for log in forms(played("healthy")):
        assert hits(triage(log)) == {"established": 1, "message-processed": 3}


def test_entries_say_when_how_bad_who_and_where() -> None:
    events = played("setup-race")
    (first, *_), (line, *_) = list(entries_of(events)), list(lines_of(events))
    assert first == {
        "insertId": "00000000",
        "jsonPayload": {
            "message": "Invalid state transition for c1: connecting -> services_ready",
            "connection_id": "c1",
        },
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"service_name": "wsrace", "revision_name": "wsrace-00001"},
        },
        "severity": "WARNING",
        "timestamp": "2025-09-14T10:00:00.001000404Z",
    }
    text = "Invalid state transition for c1: connecting -> services_ready"
    assert line == f"2025-09-14T10:00:00.001000404Z WARNING [connection_id=c1] {text}"
    (example,) = [
        one["example"]["text"]
        for one in document(f"{line}\n".encode())["patterns"]
        if one["example"]
    ]
    assert example == line


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("name", ["blind-spot", "server-close", "setup-race", "state-change"])
def test_every_line_of_every_guard_is_matched_or_known_as_neutral(name: str, guard: str) -> None:
    settings = (f"guard={guard}", *(() if name == "setup-race" else ("injections.0.delay_ms=2",)))
    lines = [str(one.values["text"]) for one in played(name, settings) if one.kind == "log"]
    assert lines
    for line in lines:
        assert line.startswith(NEUTRAL) == (not match_patterns(line)), line


@pytest.mark.parametrize(
    "name", [pattern.name for pattern in PATTERNS if pattern.scenario and pattern.consistent]
)
def test_where_a_pattern_names_a_scenario_a_run_of_it_logs_the_line(name: str) -> None:
    pattern = BY_NAME[name]
    settings = [run[1] for run in RUNS.values() if (run[0], run[2]) == (pattern.scenario, name)]
    log = next(forms(played(pattern.scenario, settings[0])))
    assert hits(triage(log))[name] >= 1
