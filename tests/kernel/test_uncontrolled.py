"""What plain Trio does by chance lies within what the schedulers enumerate."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sim.kernel.order import Order
from sim.kernel.series import run_search
from sim.kernel.world import Job
from sim.model.record import End
from sim.schedulers.exhaustive import Exhaustive
from sim.schedulers.fifo import Fifo
from tests.helpers.races import Race, program

ROOT = Path(__file__).parent.parent.parent
RACES = [
    Race("pre-fix", abort=True),
    Race("both-states", server_close=True),
    Race("both-states", hop=True, server_close=True),
]
# In a process of its own: Hypothesis and pytest-trio make Trio deterministic process-wide.
UNCONTROLLED = """
import json, sys, trio
from tests.helpers.races import Race, program
code = program(Race(**json.loads(sys.argv[1])))
print(json.dumps([trio.run(code, None) for _ in range(300)]))
"""


def by_chance(race: Race) -> Counter[str]:
    done = subprocess.run(
        [sys.executable, "-c", UNCONTROLLED, json.dumps(vars(race))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        timeout=300,
    )
    return Counter(json.loads(done.stdout))


def enumerated(race: Race, order: Order) -> Counter[str]:
    endings: Counter[str] = Counter()

    def count(end: End) -> None:
        endings[str(end.result)] += 1

    code = program(race)
    job = Job(code, Fifo(), order=order, events=False)
    assert run_search(job, Exhaustive(), count).complete
    return endings


@pytest.mark.parametrize("race", RACES, ids=str)
def test_every_outcome_of_300_uncontrolled_runs_is_enumerated(race: Race) -> None:
    seen, batches, all_orders = (
        by_chance(race),
        enumerated(race, Order.BATCH),
        enumerated(race, Order.ANY),
    )
    assert seen.total() == 300
    assert set(seen) <= set(batches) <= set(all_orders)
