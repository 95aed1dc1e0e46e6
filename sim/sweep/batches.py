"""Batches of trials on their way to workers: text in, text out, whatever the worker is.

The clock is read only to learn how many trials are worth a batch; no row depends on it.
"""

import json
import time
from functools import lru_cache
from threading import Lock

from sim.runs.own import own_guard_of
from sim.sweep.identity import code
from sim.sweep.trials import Batch, Row, run_trials
from sim.workers.identity import module_digest
from sim.workers.seam import OtherCodeError

_ONE = Lock()
"""A process runs one world at a time; a worker of a cluster may have several threads."""


def asked_of(batch: Batch) -> str:
    """Return a batch as `run_batch` takes it."""
    return json.dumps([code(), batch, _guard_version(batch.scenario)])


@lru_cache(maxsize=100)
def _guard_version(scenario: str) -> str:
    """Return the digest of somebody's own guard, as this process has imported it; "" for ours."""
    name = str(json.loads(scenario).get("guard", ""))
    if own_guard_of(name) is None:
        return ""
    return module_digest(name.partition(":")[0])


def run_batch(asked: str) -> str:
    """Run a batch, in whatever process: the seam between them is this name, and JSON.

    asked: [the code that asks, batch, the version of somebody's own guard]. Returns [the rows,
    seconds of processor time]. Raises OtherCodeError if rows made here would be other ones.
    """
    theirs, told, version = json.loads(asked)
    batch = Batch(*told)
    if theirs != code():
        raise OtherCodeError(f"a worker has {code()}; here is {theirs}")
    if version != _guard_version(batch.scenario):
        raise OtherCodeError("a worker has imported another version of a guard: restart it")
    with _ONE:
        began = time.process_time()
        rows = run_trials(batch)
        seconds = time.process_time() - began
    return json.dumps([rows, seconds])


def came_of(answer: str) -> tuple[list[Row], float]:
    """Return the rows of an answer of `run_batch`, and the seconds that they took."""
    rows, seconds = json.loads(answer)
    return [Row(*row) for row in rows], seconds
