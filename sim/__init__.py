"""wsrace: a deterministic race-reproduction simulator for WebSocket handlers."""

import importlib
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "Batch": "sim.model.scenario",
    "Cell": "sim.conformance.cells",
    "Counterexample": "sim.exploration.counterexample",
    "Divergence": "sim.errors",
    "Dpor": "sim.schedulers.dpor",
    "Exhaustive": "sim.schedulers.exhaustive",
    "Exploration": "sim.exploration.verdict",
    "Fifo": "sim.schedulers.fifo",
    "Finding": "sim.model.outcome",
    "GUARDS": "sim.sut.guards",
    "Guard": "sim.sut.guards",
    "Inquiry": "sim.exploration.inquiry",
    "Judged": "sim.conformance.judge",
    "Outcome": "sim.model.outcome",
    "PROFILES": "sim.model.profiles",
    "Pct": "sim.schedulers.pct",
    "Prediction": "sim.conformance.predict",
    "Record": "sim.runs.play",
    "Fidelity": "sim.runs.stage",
    "Scenario": "sim.model.scenario",
    "Task": "sim.sweep.reproduce",
    "Uniform": "sim.schedulers.uniform",
    "UserError": "sim.errors",
    "Verdict": "sim.exploration.verdict",
    "deploy": "sim.validation.deployment",
    "counterexample": "sim.exploration.counterexample",
    "explain": "sim.exploration.explain",
    "explore": "sim.exploration.search",
    "figures": "sim.report.pictures",
    "frame": "sim.report.frames",
    "guard_costs": "sim.live.overhead",
    "judge_all": "sim.conformance.judge",
    "open_plan": "sim.files.catalog",
    "open_scenario": "sim.files.catalog",
    "play": "sim.runs.play",
    "predict": "sim.conformance.predict",
    "profile_named": "sim.model.profiles",
    "read_cells": "sim.conformance.cells",
    "read_file": "sim.runs.replay",
    "replay": "sim.runs.replay",
    "replayed": "sim.runs.replay",
    "reproduce": "sim.sweep.reproduce",
    "tally": "sim.conformance.score",
    "token_of": "sim.runs.replay",
    "validated": "sim.validation.criteria",
    "write_file": "sim.runs.replay",
}
__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for, so that `import sim` costs nothing."""
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(importlib.import_module(place), name)


def load_ipython_extension(shell: Any) -> None:
    """Show what wsrace finds as tables and figures: `%load_ext sim` in a notebook calls this."""
    from sim.report.notebook import register

    register(shell)
