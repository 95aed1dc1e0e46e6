"""Everything that can be named, with a line on each."""

from sim.files.catalog import names, open_scenario
from sim.model.names import MODES, PROBES, RUNTIMES, SHAPES
from sim.model.outcome import CLASSES
from sim.model.profiles import PROFILES
from sim.model.properties import PROPERTIES
from sim.model.stacks import counterfactual
from sim.runs.injections import KINDS
from sim.schedulers.strategies import STRATEGIES
from sim.sut.guards import GUARDS

_MODES = {
    "main": "readiness guard, accept, authenticate, manager; five agent events per message",
    "factory": "authenticates before it accepts; one response per message",
    "isolated": "a manager and an agent bridge per connection",
    "legacy": "accept and serve; the fix never went here",
}
_SHAPES = {
    "report": "validate, window, final validation, receive",
    "original": "check, poll both states up to 3.0 s, check once more, receive",
}
_RUNTIMES = {
    "asyncio-3.11": "first in first out; wait_for takes one turn in and two back",
    "asyncio-3.12": "first in first out; the timeout is in place",
    "trio": "any order within a batch",
    "any-order": "any order at every step: more than any real runtime does",
}


def everything() -> dict[str, dict[str, str]]:
    """Return what there is: kind -> name -> a line about it."""
    return {
        "scenarios": {name: open_scenario(name).title for name in names()},
        "modes": {name: _MODES[name] for name in MODES},
        "shapes": {name: _SHAPES[name] for name in SHAPES},
        "guards": {name: guard.summary for name, guard in GUARDS.items()},
        "injections": {name: kind.summary for name, kind in KINDS.items()},
        "probes": dict.fromkeys(PROBES, ""),
        "runtimes": {name: _RUNTIMES[name] for name in RUNTIMES},
        "servers": {name: _under(name) for name in PROFILES},
        "strategies": {name: strategy.summary for name, strategy in STRATEGIES.items()},
        "properties": {name: prop.summary for name, prop in PROPERTIES.items()},
        "outcomes": {one.name: one.summary for one in CLASSES},
    }


def _under(profile: str) -> str:
    """Say under which runtimes a server exists."""
    real = [name for name in RUNTIMES if not counterfactual(name, profile)]
    return f"with {', '.join(real)}"
