"""wsrace: a deterministic race-reproduction simulator for WebSocket handlers."""

TYPE_CHECKING = False  # what type checkers take for true, without loading `typing`
if TYPE_CHECKING:
    from sim.conformance.cells import Cell, read_cells
    from sim.conformance.judge import Judged, judge_all
    from sim.conformance.predict import Prediction, predict
    from sim.conformance.score import tally
    from sim.errors import Divergence, NoAnswer, UserError
    from sim.exploration.counterexample import Counterexample, counterexample
    from sim.exploration.explain import explain
    from sim.exploration.inquiry import Inquiry
    from sim.exploration.search import explore
    from sim.exploration.verdict import Exploration, Verdict
    from sim.files.catalog import open_plan, open_scenario
    from sim.live.overhead import guard_costs
    from sim.model.outcome import Finding, Outcome
    from sim.model.profiles import PROFILES, profile_named
    from sim.model.scenario import Batch, Scenario
    from sim.report.dataframes import frame
    from sim.report.plots.pictures import figures
    from sim.runs.keep import read_file, token_of, write_file
    from sim.runs.own import OwnHandler, own_handler
    from sim.runs.play import play
    from sim.runs.replay import replay, replayed
    from sim.runs.stage import Fidelity
    from sim.runs.subject import Record
    from sim.schedulers.dpor import Dpor
    from sim.schedulers.exhaustive import Exhaustive
    from sim.schedulers.fifo import Fifo
    from sim.schedulers.pct import Pct
    from sim.schedulers.uniform import Uniform
    from sim.sut.guards import GUARDS, Guard
    from sim.sweep.exact.rate import ExactRate, exact_rate
    from sim.sweep.exact.reproduce import ExactReproduction, exact_reproduce
    from sim.sweep.reproduce import Task, reproduce
    from sim.testing.found import check_app
    from sim.validation.criteria import validated
    from sim.validation.deployment import deploy

__version__ = "0.1.0"

__all__ = [
    "GUARDS",
    "PROFILES",
    "Batch",
    "Cell",
    "Counterexample",
    "Divergence",
    "Dpor",
    "ExactRate",
    "ExactReproduction",
    "Exhaustive",
    "Exploration",
    "Fidelity",
    "Fifo",
    "Finding",
    "Guard",
    "Inquiry",
    "Judged",
    "NoAnswer",
    "Outcome",
    "OwnHandler",
    "Pct",
    "Prediction",
    "Record",
    "Scenario",
    "Task",
    "Uniform",
    "UserError",
    "Verdict",
    "__version__",
    "check_app",
    "counterexample",
    "deploy",
    "exact_rate",
    "exact_reproduce",
    "explain",
    "explore",
    "figures",
    "frame",
    "guard_costs",
    "judge_all",
    "open_plan",
    "open_scenario",
    "own_handler",
    "play",
    "predict",
    "profile_named",
    "read_cells",
    "read_file",
    "replay",
    "replayed",
    "reproduce",
    "tally",
    "token_of",
    "validated",
    "write_file",
]
_PLACES = {
    "Batch": "sim.model.scenario",
    "Cell": "sim.conformance.cells",
    "Counterexample": "sim.exploration.counterexample",
    "Divergence": "sim.errors",
    "Dpor": "sim.schedulers.dpor",
    "ExactRate": "sim.sweep.exact.rate",
    "ExactReproduction": "sim.sweep.exact.reproduce",
    "Exhaustive": "sim.schedulers.exhaustive",
    "Exploration": "sim.exploration.verdict",
    "Fidelity": "sim.runs.stage",
    "Fifo": "sim.schedulers.fifo",
    "Finding": "sim.model.outcome",
    "GUARDS": "sim.sut.guards",
    "Guard": "sim.sut.guards",
    "Inquiry": "sim.exploration.inquiry",
    "Judged": "sim.conformance.judge",
    "NoAnswer": "sim.errors",
    "Outcome": "sim.model.outcome",
    "OwnHandler": "sim.runs.own",
    "PROFILES": "sim.model.profiles",
    "Pct": "sim.schedulers.pct",
    "Prediction": "sim.conformance.predict",
    "Record": "sim.runs.subject",
    "Scenario": "sim.model.scenario",
    "Task": "sim.sweep.reproduce",
    "Uniform": "sim.schedulers.uniform",
    "UserError": "sim.errors",
    "Verdict": "sim.exploration.verdict",
    "check_app": "sim.testing.found",
    "counterexample": "sim.exploration.counterexample",
    "deploy": "sim.validation.deployment",
    "exact_rate": "sim.sweep.exact.rate",
    "exact_reproduce": "sim.sweep.exact.reproduce",
    "explain": "sim.exploration.explain",
    "explore": "sim.exploration.search",
    "figures": "sim.report.plots.pictures",
    "frame": "sim.report.dataframes",
    "guard_costs": "sim.live.overhead",
    "judge_all": "sim.conformance.judge",
    "open_plan": "sim.files.catalog",
    "open_scenario": "sim.files.catalog",
    "own_handler": "sim.runs.own",
    "play": "sim.runs.play",
    "predict": "sim.conformance.predict",
    "profile_named": "sim.model.profiles",
    "read_cells": "sim.conformance.cells",
    "read_file": "sim.runs.keep",
    "replay": "sim.runs.replay",
    "replayed": "sim.runs.replay",
    "reproduce": "sim.sweep.reproduce",
    "tally": "sim.conformance.score",
    "token_of": "sim.runs.keep",
    "validated": "sim.validation.criteria",
    "write_file": "sim.runs.keep",
}


if not TYPE_CHECKING:  # a checker that saw `__getattr__` would take every slip for a name

    def __getattr__(name: str) -> object:
        """Import a public name when it is asked for, so that `import sim` costs nothing."""
        if name == "Rung":
            import warnings

            warnings.warn("sim.Rung is called sim.Fidelity", DeprecationWarning, stacklevel=2)
            name = "Fidelity"
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    """Return what is here and what would be imported: `dir`, `help` and completion ask."""
    return sorted({*globals(), *__all__} - {"TYPE_CHECKING"})


def load_ipython_extension(shell: object) -> None:
    """Show what wsrace finds as tables and figures: `%load_ext sim` in a notebook calls this."""
    from sim.report.notebook import register

    register(shell)
