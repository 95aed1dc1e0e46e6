"""Speed as a ratio to bare `trio.run`, measured in the same process; memory and time per client.

    python -m tests.benchmarks.speed

The world: one client that connects, sends two messages and closes; a handler that echoes; the
default profile; a uniform schedule in any order. "trace" means all events and their digest.
"""

import statistics
import time
import tracemalloc

import trio

from sim.kernel.series import run_all
from sim.kernel.trace import digest
from sim.kernel.world import Job
from sim.model.client import ClientSpec
from sim.model.profiles import DEFAULT_PROFILE, PROFILES
from sim.model.record import End, Limits
from sim.model.script import parse_script
from sim.runs.stage import Fidelity, program
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from tests.helpers.running import run_once
from tests.helpers.worlds import TWO_MESSAGES, echo, smallest

ROUNDS = 7
WORLDS = {Fidelity.ASGI: 600, Fidelity.WIRE: 120}
GOALS = {
    (Fidelity.ASGI, True): 1.0,
    (Fidelity.ASGI, False): 1.3,
    (Fidelity.WIRE, True): 0.15,
    (Fidelity.WIRE, False): 0.15,
}


async def nothing() -> None:
    """The empty function of the reference."""


def bare_rate(runs: int = 600) -> float:
    """Return how many empty `trio.run` calls fit in a second."""
    start = time.perf_counter()
    for _ in range(runs):
        trio.run(nothing)
    return runs / (time.perf_counter() - start)


def world_rate(fidelity: Fidelity, trace: bool) -> float:
    """Return how many worlds fit in a second."""
    code, count = smallest(fidelity), WORLDS[fidelity]

    def finish(end: End) -> None:
        if trace:
            digest(end.events)

    start = time.perf_counter()
    run_all((Job(code, Uniform(seed), events=trace) for seed in range(count)), finish)
    return count / (time.perf_counter() - start)


def ratios() -> None:
    """Print the median ratio of each kind of world to the reference beside it."""
    found: dict[tuple[Fidelity, bool], list[float]] = {key: [] for key in GOALS}
    rates = []
    for _ in range(ROUNDS):
        for (fidelity, trace), ratio in found.items():
            bare = bare_rate()
            rates.append(bare)
            ratio.append(world_rate(fidelity, trace) / bare)
    print(f"bare trio.run: {statistics.median(rates):,.0f} runs/s (median, n = {len(rates)})")
    for (fidelity, trace), ratio in found.items():
        goal = GOALS[fidelity, trace]
        value = statistics.median(ratio)
        print(
            f"{fidelity} {'with trace' if trace else 'without trace':14} {value:5.2f} x "
            f"(n = {ROUNDS}, {min(ratio):.2f} to {max(ratio):.2f}; goal {goal}: "
            f"{'met' if value >= goal else 'not met'})"
        )


def clients() -> None:
    """Print time and peak memory per client in worlds of many clients at once.

    First in first out: a scheduler that draws for every option costs as much as there are options.
    """
    spec = ClientSpec(parse_script(TWO_MESSAGES))
    for count in (10, 100, 1000, 10_000):
        code = program(Fidelity.ASGI, echo, [spec] * count, PROFILES[DEFAULT_PROFILE])
        limits = Limits(steps=10_000_000)
        job = Job(code, Fifo(), limits=limits, events=False, schedule=False)
        start = time.process_time()
        rounds = max(1, 2000 // count)
        for _ in range(rounds):
            run_once(code, Fifo(), job)
        seconds = (time.process_time() - start) / rounds
        tracemalloc.start()
        run_once(code, Fifo(), job)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(
            f"{count:5,} clients: {seconds / count * 1e3:6.2f} ms and "
            f"{peak / count / 1024:6.1f} KiB a client"
        )


if __name__ == "__main__":
    ratios()
    clients()
