"""Scenario files for the tests of reading, changing and writing them."""

import pytest
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files.load import load_data, parse
from sim.model.names import PROBES
from sim.model.scenario import Batch, Scenario
from sim.model.times import Draw

SOURCE = "scenarios/blind-spot.toml"
INJECTION = "[[injections]]\ndo = 'client-close'\nat = 'top'\n"
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


def load(text: str, source: str) -> Scenario | Batch:
    """Return what a TOML document describes; faults call it `source`."""
    return load_data(parse(text, source), source, text)


def scenario(text: str) -> Scenario:
    loaded = load(text, SOURCE)
    assert isinstance(loaded, Scenario)
    return loaded


def faults(text: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        load(text, SOURCE)
    return list(caught.value.faults)
