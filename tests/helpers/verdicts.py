"""The scenarios behind the verdicts that the product promises, shared by fast and slow tests."""

from typing import Any

from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Exploration
from sim.model.names import RUNTIMES, RuntimeName
from sim.model.profiles import PROFILES
from sim.model.scenario import Clients, Handler, Injection, Scenario
from sim.model.stacks import counterfactual
from sim.model.times import Draw

PAIRS: tuple[tuple[RuntimeName, str], ...] = tuple(
    (runtime, server)
    for runtime in RUNTIMES
    for server in PROFILES
    if runtime == "any-order" or not counterfactual(runtime, server)
)
"""Every real pair of runtime and server, and any-order with every server."""
JUDGED = ("pre-fix", "post-fix", "both-states", "both-no-hop", "catch")
HOPS = (0.0, 1.0, 2.0, 3.0)
"""Turns of the loop after which the server's close happens: past all of a round of the loop."""


def server_close(
    guard: str, runtime: RuntimeName, server: str, messages: int, shape: str, rounds: int = 5
) -> Scenario:
    """Another task of the server closes while the last message is worked on, or right after."""
    close = Injection(
        do="server-close",
        at="received",
        nth=messages,
        delay_ms=Draw(list=(0.0, 5.0)),
        hops=Draw(list=HOPS),
    )
    hops = 1 if shape == "report" else 0
    scene = _scene("server close", guard, runtime, server, messages, shape, rounds, 1, close)
    return Scenario.model_validate({**scene, "window_hops": hops})


def close_during_send(
    guard: str, runtime: RuntimeName, server: str, messages: int, shape: str, rounds: int = 5
) -> Scenario:
    """The client closes while the handler works on its last message, between two sends."""
    close = Injection(do="client-close", at="received", nth=messages)
    scene = _scene("close during send", guard, runtime, server, messages, shape, rounds, 2, close)
    return Scenario.model_validate(scene)


def _scene(
    name: str,
    guard: str,
    runtime: RuntimeName,
    server: str,
    messages: int,
    shape: str,
    rounds: int,
    sends: int,
    close: Injection,
) -> dict[str, Any]:
    return {
        "name": name,
        "guard": guard,
        "runtime": runtime,
        "server": server,
        "shape": shape,
        "end_ms": 5000,
        "handler": Handler(sends=sends, work_ms=5, retry_ms=(), poll_ms=10 * rounds),
        "clients": Clients(messages=messages, pause_ms=50, end="silent"),
        "injections": (close,),
    }


KINDS = {"server close": server_close, "close during send": close_during_send}


def verdict(scenario: Scenario, times: str = "fixed") -> Exploration:
    return explore(scenario, Inquiry(times=times))  # type: ignore[arg-type]


def promised(kind: str, guard: str, runtime: RuntimeName, server: str) -> str:
    """What the mechanism says, in the words of the issue's report."""
    if guard in ("both-no-hop", "catch"):
        return "race-free"
    if kind == "server close":
        hop = guard == "both-states" and runtime == "asyncio-3.11"
        return "racy" if guard in ("pre-fix", "post-fix") or hop else "race-free"
    told = server.startswith("uvicorn")  # hypercorn's send is silent when the client has gone
    return "racy" if told and guard in ("pre-fix", "post-fix") else "race-free"


def racy_or(found: Exploration) -> str:
    """Return the verdict, "racy" for whatever fails: under a real order every schedule may."""
    return "racy" if found.fails else str(found.verdict)
