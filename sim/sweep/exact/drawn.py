"""The one time of a scenario that is drawn, and what must be so for its rate to be exact."""

from dataclasses import dataclass

from sim.errors import UserError
from sim.kernel.order import Order
from sim.model.scenario import Scenario
from sim.model.ticks import ms
from sim.model.times import Draw
from sim.runs.times import drawn_times
from sim.runtimes.port import ORDERS


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn in a scenario: the key, and how. In turns of the loop, or else in time."""

    key: str
    draw: Draw

    @property
    def in_turns(self) -> bool:
        """Whether it is a number of turns."""
        return self.key.endswith(".hops")

    def settle(self, number: int, scenario: Scenario) -> Scenario:
        """Return a scenario in which it is drawn, with `number` in its place: ticks, or turns."""
        return _with(scenario, self.key, number if self.in_turns else ms(number))


def drawn_of(scenario: Scenario) -> Drawn | None:
    """Return what is drawn in a scenario, None if every trial of it is the same.

    Raises UserError, naming the key, if its rate cannot be computed: two times are drawn, or the
    order of its steps or the jitter of its links is, which no distribution describes.
    """
    faults = []
    if ORDERS[scenario.runtime] is not Order.FIFO:
        faults.append(
            f"runtime {scenario.runtime}: the order of steps is drawn there, so that a rate is no "
            "probability; exact rates need asyncio-3.11 or asyncio-3.12 (--set sweep.runtimes=...)"
        )
    if scenario.clients.jitter_ms:
        faults.append(
            "clients.jitter_ms: it is drawn for every message; exact rates need one drawn time"
        )
    times = drawn_times(scenario)
    if len(times) > 1:
        faults.append(f"{', '.join(times)}: each is drawn; exact rates need one drawn time")
    if faults:
        raise UserError(*faults)
    return next((Drawn(key, draw) for key, draw in times.items()), None)


def _with(scenario: Scenario, key: str, value: float) -> Scenario:
    """Return a scenario with another value of a time, which is known to be one that it may have."""
    table, *path = key.split(".")
    if not path:
        return scenario.model_copy(update={key: value})
    if table == "setup":
        setup = scenario.setup.model_copy(update={path[0]: value})
        return scenario.model_copy(update={"setup": setup})
    index, name = int(path[0]), path[1]
    injections = list(scenario.injections)
    injections[index] = injections[index].model_copy(update={name: value})
    return scenario.model_copy(update={"injections": tuple(injections)})
