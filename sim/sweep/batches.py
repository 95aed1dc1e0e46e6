"""Batches of trials on their way to workers: text in, text out, whatever the worker is.

The clock is read only to learn how many trials are worth a batch; no row depends on it.
"""

import json
import time
from threading import Lock

from sim.sweep.identity import code
from sim.sweep.trials import Batch, Row, run_trials
from sim.workers.seam import OtherCodeError

_ONE = Lock()
"""A process runs one world at a time; a worker of a cluster may have several threads."""


def asked_of(batch: Batch) -> str:
    """Return a batch as `run_batch` takes it."""
    return json.dumps([code(), batch])


def run_batch(asked: str) -> str:
    """Run a batch, in whatever process: the seam between them is this name, and JSON.

    asked: [the code that asks, batch]. Returns [the rows, seconds of processor time]. Raises
    OtherCodeError if rows made here would be other ones.
    """
    theirs, batch = json.loads(asked)
    if theirs != code():
        raise OtherCodeError(f"a worker has {code()}; here is {theirs}")
    with _ONE:
        began = time.process_time()
        rows = run_trials(Batch(*batch))
        seconds = time.process_time() - began
    return json.dumps([rows, seconds])


def came_of(answer: str) -> tuple[list[Row], float]:
    """Return the rows of an answer of `run_batch`, and the seconds that they took."""
    rows, seconds = json.loads(answer)
    return [Row(*row) for row in rows], seconds
