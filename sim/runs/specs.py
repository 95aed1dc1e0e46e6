"""What a scenario says in milliseconds, as the parts of a run want it."""

import json

from sim.model.client import ClientSpec
from sim.model.link import LinkSpec
from sim.model.scenario import Clients, Scenario, Wait
from sim.model.script import parse_script
from sim.model.ticks import from_ms
from sim.model.times import require_number
from sim.runtimes.port import Pause


def answers_in_events(scenario: Scenario) -> bool:
    """Return whether each message should be answered by the five events of a chat turn."""
    return scenario.mode == "main" and scenario.handler.sends is None


def pauses_of(scenario: Scenario) -> dict[str, Pause]:
    """Return what the handler awaits at each probe."""
    pauses = {name: _pause(wait) for name, wait in scenario.pauses.items()}
    window_ms = require_number(scenario.window_ms)
    if window_ms or scenario.window_hops:
        pauses["validated"] = Pause(scenario.window_hops, from_ms(window_ms))
    return {name: pause for name, pause in pauses.items() if pause.hops or pause.ticks}


def _pause(wait: float | Wait) -> Pause:
    if isinstance(wait, Wait):
        return Pause(wait.hops, from_ms(wait.ms), frozenset(wait.nth))
    return Pause(ticks=from_ms(wait))


def client_specs(clients: Clients, untimed: bool = False) -> list[ClientSpec]:
    """Return the clients that a scenario describes. untimed: their links take no time."""
    up, down = _links(clients, untimed)
    rows = clients.script
    if rows is None:
        messages: list[object] = []
        for number in range(clients.messages):
            messages.append({"send": json.dumps({"type": "chat", "n": number + 1})})
            messages.append({"sleep": from_ms(clients.pause_ms)})
        ends = {"close": {"close": clients.code}, "abort": "rst", "eof": "fin", "silent": "silent"}
        rows = ("connect", {"wait": 1}, *messages, ends[clients.end])
    script = parse_script(rows)
    return [
        ClientSpec(script, start=from_ms(clients.every_ms * number), up=up, down=down)
        for number in range(clients.count)
    ]


def _links(clients: Clients, untimed: bool) -> tuple[LinkSpec, LinkSpec]:
    """Return the links to and from the server."""
    if untimed:
        return LinkSpec(), LinkSpec()
    down_ms = clients.delay_ms if clients.down_ms is None else clients.down_ms
    jitter = from_ms(clients.jitter_ms)
    return (
        LinkSpec(delay=from_ms(clients.delay_ms), jitter=jitter),
        LinkSpec(delay=from_ms(down_ms), jitter=jitter),
    )
