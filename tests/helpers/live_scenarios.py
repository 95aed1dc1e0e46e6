"""The handler of the recorded cells, as scenarios for the tests of `sim.live`."""

from typing import Any

from sim.live.trial import LiveRun
from sim.model.scenario import Scenario

SILENCE_MS = 1000
"""What a handler waits for a message: long for a client on a busy machine, in its own thread."""
PASSIVE = ["connect", {"wait": 1}, {"send": "{}"}, "silent"]


def scenario(*injections: dict[str, Any], **keys: Any) -> Scenario:
    """Return legacy mode with a receive timeout of a second, which ends it; keys replace parts."""
    handler = {
        "receive_timeout_ms": SILENCE_MS,
        "on_timeout": "leave",
        "poll_ms": 200,
        "retry_ms": [],
        "top_reads_machine": False,
        "sends": 1,
        **keys.pop("handler", {}),
    }
    clients = {"delay_ms": 0, "script": keys.pop("script", PASSIVE), **keys.pop("clients", {})}
    return Scenario.model_validate(
        {
            "mode": "legacy",
            "guard": "post-fix",
            "handler": handler,
            "clients": clients,
            "injections": injections,
            **keys,
        }
    )


def inline(do: str, at: str = "validated", nth: int = 2, **keys: Any) -> dict[str, Any]:
    return {"do": do, "at": at, "nth": nth, "placed": "inline", **keys}


def labels(runs: list[LiveRun]) -> set[str]:
    return {run.outcome.label for run in runs}


def first(run: LiveRun, kind: str, **values: Any) -> int:
    """Return at which place of the trace such an event stands first."""
    for index, event in enumerate(run.events):
        if event.kind == kind and values.items() <= event.values.items():
            return index
    raise AssertionError(f"no {kind} with {values} in {[event.kind for event in run.events]}")
