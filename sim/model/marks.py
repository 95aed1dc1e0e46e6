"""Marks: a byte for every question of a run, so that a replay can say where it met another one.

Two questions share a mark once in 256, so a replay that goes another way is noticed at that choice
or soon after. A mark does not depend on the process, the Python or PYTHONHASHSEED.
"""

import base64
from collections.abc import Iterable

from sim.entropy import below
from sim.model.schedule import Question


def mark(question: Question) -> int:
    """Return the mark of a question, 0 to 255: of its kind, options, default and asker."""
    options = question.options
    told: tuple[str | int, ...] = (
        (options.start, options.stop, options.step)
        if isinstance(options, range)
        else tuple(options)
    )
    return below(256, "mark", question.kind, len(told), *told, question.default, question.asker)


def pack(questions: Iterable[Question]) -> str:
    """Return the marks of a run as text."""
    return base64.urlsafe_b64encode(bytes(map(mark, questions))).decode().rstrip("=")


def unpack(text: str) -> bytes:
    """Return the marks that `pack` wrote. Raises ValueError for any other text."""
    try:
        return base64.b64decode((text + "=" * (-len(text) % 4)).encode(), b"-_", validate=True)
    except ValueError:
        raise ValueError("marks: expected base64") from None
