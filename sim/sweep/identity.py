"""What a row depends on: the key under which it is kept, and that of the code that made it."""

import hashlib
import json

from sim.sweep.cells import Planned
from sim.workers.identity import RUNS, code_of, own_code

LAYERS = (*RUNS, "sweep")
"""What of this package a trial is made by: another text of it may make another row."""
_ASIDE = frozenset({"sweep", "expect", "title", "about"})
"""Keys of a scenario that no trial depends on."""


def code() -> str:
    """Return the digest of our code that makes rows, and the versions of the libraries and Python.

    Rows are compared and shared only between processes that return the same.
    """
    return code_of(LAYERS)


def key_of(planned: Planned, seed: int) -> str:
    """Return a name for exactly the rows of a cell: whatever changes one of them changes it."""
    scenario = planned.scenario
    data = scenario.model_dump(mode="json", exclude=set(_ASIDE), exclude_defaults=True)
    name, _, value = planned.group
    told = [code(), seed, name, value, data, own_code() if ":" in scenario.guard else None]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
