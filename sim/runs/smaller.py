"""Scenarios that are smaller in one respect: fewer messages, clients, injections, rounder times."""

from collections.abc import Iterator

from pydantic import ValidationError

from sim.model.scenario import Injection, Scenario
from sim.model.times import require_number

_ROUND_MS = (0, 1, 5, 10, 50, 100)


def smaller_scenarios(scenario: Scenario) -> Iterator[Scenario]:
    """Yield scenarios that are smaller in one respect, the greatest step first."""
    for update in _updates(scenario):
        try:
            made = Scenario.model_validate({**scenario.model_dump(), **update})
        except ValidationError:
            continue
        if made != scenario:
            yield made


def _updates(scenario: Scenario) -> Iterator[dict[str, object]]:
    injections = scenario.injections
    for index in range(len(injections)):
        yield {"injections": injections[:index] + injections[index + 1 :]}
    clients = scenario.clients
    for count in range(1, clients.count):
        yield {"clients": clients.model_copy(update={"count": count})}
    for messages in range(clients.messages if clients.script is None else 0):
        yield {"clients": clients.model_copy(update={"messages": messages})}
    for key in ("pause_ms", "delay_ms", "jitter_ms", "every_ms"):
        for ms in _rounder(getattr(clients, key)):
            yield {"clients": clients.model_copy(update={key: ms})}
    if scenario.pauses:
        yield {"pauses": {}}
    for ms in _rounder(require_number(scenario.window_ms)):
        yield {"window_ms": ms}
    for hops in range(scenario.window_hops):
        yield {"window_hops": hops}
    for index, injection in enumerate(injections):
        for changed in _simpler(injection):
            yield {"injections": (*injections[:index], changed, *injections[index + 1 :])}


def _simpler(injection: Injection) -> Iterator[Injection]:
    if injection.queued:
        yield injection.model_copy(update={"queued": False})
    if injection.at is not None:
        for nth in range(1, injection.nth):
            yield injection.model_copy(update={"nth": nth})
    for key in ("delay_ms", "time_ms"):
        value = getattr(injection, key)
        for ms in _rounder(require_number(value)) if value is not None else ():
            yield injection.model_copy(update={key: ms})


def _rounder(ms: float) -> Iterator[float]:
    """Yield rounder times below `ms`."""
    for value in _ROUND_MS:
        if value < ms:
            yield value
