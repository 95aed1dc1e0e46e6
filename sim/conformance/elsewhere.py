"""Predictions made by workers: text in, text out, whatever the worker is."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Lock
from typing import Any

from sim.conformance.predict import Predicted, Prediction, predict
from sim.errors import NoAnswer
from sim.model.scenario import Scenario
from sim.runs.scenario import ScenarioSubject
from sim.workers.identity import RUNS, code_of
from sim.workers.seam import OtherCodeError, Workers

Foretold = Prediction | NoAnswer
"""A prediction, or why there is none."""
LAYERS = (*RUNS, "conformance")
_AT_ONCE = 16
"""Scenarios that are sent together: some 50 ms."""
_ONE = Lock()
"""A process runs one world at a time; a worker of a cluster may have several threads."""


def predict_elsewhere(
    scenarios: Sequence[Scenario], workers: Workers, on_done: Callable[[int], None]
) -> list[Foretold]:
    """Return what the model says of scenarios. on_done: called with how many are done.

    What loses its worker each time has no answer.
    """
    found: dict[int, Foretold] = {}
    todo = list(range(0, len(scenarios), _AT_ONCE))[::-1]
    pending: dict[Future[str], int] = {}
    while todo or pending:
        while todo and len(pending) < 2 * max(workers.count(), 1):
            first = todo.pop()
            some = [_told(one) for one in scenarios[first : first + _AT_ONCE]]
            asked = json.dumps([code_of(LAYERS), some])
            pending[workers.executor.submit(predict_all, asked)] = first
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            first = pending.pop(future)
            some_of_them = scenarios[first : first + _AT_ONCE]
            try:
                answers = json.loads(future.result())
            except workers.lost as error:
                answers = [f"its process was lost each time: {error}"] * len(some_of_them)
            for number, (one, answer) in enumerate(zip(some_of_them, answers, strict=True), first):
                found[number] = _foretold(one, answer)
        on_done(len(found))
    return [found[number] for number in range(len(scenarios))]


def predict_all(asked: str) -> str:
    """Predict scenarios, in whatever process: the seam between them is this name, and JSON.

    asked: [the code that asks, the scenarios]. Returns for each its runs by outcome class (answers,
    digest), numbers of lost messages and pairs of states; or in words why there is no answer.
    Raises OtherCodeError if other code would answer.
    """
    theirs, scenarios = json.loads(asked)
    if theirs != code_of(LAYERS):
        raise OtherCodeError(f"a worker has {code_of(LAYERS)}; here is {theirs}")
    with _ONE:
        return json.dumps([_answer(Scenario.model_validate(one)) for one in scenarios])


def _answer(scenario: Scenario) -> Any:
    try:
        found = predict(scenario)
    except NoAnswer as error:
        return str(error)
    runs = {name: (run.picks, run.digest) for name, run in found.runs.items()}
    return [runs, sorted(found.losses), sorted(found.states)]


def _told(scenario: Scenario) -> Any:
    return scenario.model_dump(mode="json", exclude_defaults=True)


def _foretold(scenario: Scenario, answer: Any) -> Foretold:
    if isinstance(answer, str):
        return NoAnswer(answer)
    subject = ScenarioSubject(scenario)
    runs, losses, states = answer
    return Prediction(
        {name: Predicted(subject, tuple(one), digest) for name, (one, digest) in runs.items()},
        frozenset(losses),
        frozenset((one, other) for one, other in states),
    )
