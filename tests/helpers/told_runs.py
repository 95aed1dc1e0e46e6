"""Runs for the formats: shipped ones, one with many tasks, hostile ones made by hand."""

from functools import lru_cache

from hypothesis import strategies as st

from sim.files.catalog import names, open_scenario
from sim.model.outcome import Outcome
from sim.model.record import End, Ending, Event
from sim.model.scenario import Scenario
from sim.runs.play import play
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Record

SHIPPED = [name for name in names() if isinstance(open_scenario(name), Scenario)]
NASTY = (
    *("end", "END of", "a;b", "#35;", "%%{init: {}}%%", "\nend\n", "loop x", "wrap: x", '"q"'),
    *("<script>", "T1->>T2: x", "title x", "---", "", "   ", "競走", "\U0001f600", "\x1b[31m"),
    *(
        "as x",
        "style a:#b;",
        "accDescr {",
        "{0}",
        "\u2028",
        "&amp;",
        "`",
        "\\n",
        "{",
        "%s",
        "a | b",
    ),
)


@lru_cache
def played(name: str, fidelity: Fidelity = Fidelity.ASGI, *settings: str) -> Record:
    scenario = open_scenario(name, settings)
    assert isinstance(scenario, Scenario)
    return play(scenario.resolve("formats"), fidelity=fidelity)


def made(*events: Event) -> Record:
    """Return a record of these events."""
    end = End(Ending.COMPLETED, 0, 0, (), events=events)
    return Record(ScenarioSubject(Scenario()), (), Outcome(), "digest", end)


def hostile(text: str) -> Record:
    """Return a run in which every name and value is `text`."""
    return made(
        Event(0, text, text, {text: text, "connection": text}),
        Event(1, text, "wire", {"link": f"{text}>server", "at": 1, "data": text}),
        Event(1, "t", "wire", {"link": f"server>{text}", "at": 1, "data": text}),
        Event(2, f"c1/{text}", "probe", {"connection": text, "at": "validated"}),
        Event(2, "t", "client_state", {"connection": text, "state": text}),
        Event(3, text, "machine", {"state": text}),
        Event(4, "t", "probe", {"connection": text, "at": "final_check"}),
    )


TEXTS = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]))
EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 3),
        st.sampled_from(["c1", "c2", "transport:c1", "transport:c1/handler:c1", "x"]),
        st.sampled_from(["sent", "lost", "log", "received"]),
        st.dictionaries(TEXTS, TEXTS | st.booleans() | st.none() | st.integers(), max_size=2),
    )
    | st.builds(
        lambda tick, connection, at: Event(
            tick, f"transport:{connection}", "probe", {"connection": connection, "at": at}
        ),
        st.integers(0, 3),
        st.sampled_from(["c1", "c2"]),
        st.sampled_from(["validated", "final_check"]),
    )
    | st.builds(
        lambda tick, connection, state: Event(
            tick, connection, "client_state", {"connection": connection, "state": state}
        ),
        st.integers(0, 3),
        st.sampled_from(["c1", "c2"]),
        TEXTS,
    ),
    max_size=20,
).map(lambda events: sorted(events, key=lambda event: event.tick))
