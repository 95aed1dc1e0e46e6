"""The trace: events in order, canonical JSON Lines, and the digest that names a run.

One line is `[tick, task, kind, {values}]` in JSON with sorted keys, no spaces and ASCII only. The
digest is the SHA-256 of all lines, so two runs with one digest are the same event for event.
"""

import hashlib
import json
import json.encoder
from collections.abc import Callable, Iterable
from typing import Any

from sim.model.record import Event


def _encoder() -> Callable[[Event], str]:
    """Return canonical `json.JSONEncoder(...).encode`, whose inner encoder is made only once.

    The json module makes it anew for every call (json/encoder.py, iterencode), which costs more
    than the encoding of an event.
    """
    encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without json's accelerator
        return encoder.encode
    quote = json.encoder.encode_basestring_ascii
    chunks = make(None, encoder.default, quote, None, ":", ",", True, False, False)
    return lambda event: "".join(chunks(event, 0))


_encode = _encoder()


def lines(events: Iterable[Event]) -> str:
    """Return the canonical JSON Lines of `events`, each line ended by a newline."""
    return "".join([_encode(event) + "\n" for event in events])


def digest(events: Iterable[Event]) -> str:
    """Return the SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(lines(events).encode()).hexdigest()
