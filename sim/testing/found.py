"""An application checked from a notebook or a script: what was found, whatever it is."""

import time
from typing import Any

from sim.exploration import check
from sim.exploration.check import Checked
from sim.testing.app import asked_of


def check_app(app: object, **asked: Any) -> Checked:
    """Check an application under every schedule within bounds, and return what was found.

    app, asked: as `sim.testing.check` takes them, which is for tests and raises where this one says
    what it has found. `verdict` in `climbed` is race-free, fails or inconclusive; `failures` are
    runs made small, with their reasons. Where an event loop runs in this thread, as in a notebook,
    it is done in another one. Raises UserError for what cannot be asked.
    """
    question, target = asked_of(app, asked)
    return check.check_app(question, time.perf_counter, target=target)
