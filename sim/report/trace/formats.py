"""The forms in which `wsrace replay` gives a run: a new one is a file with a function, and a line.

Loads nothing else, so that the command line can name the forms before anything is run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sim.runs.subject import Record


class Format(NamedTuple):
    """A form of a run.

    module, function: what makes a text of a record. for_people: whether what was run and what came
    of it is told around it; a program gets nothing else. about: what it is, for the help.
    """

    module: str
    function: str
    for_people: bool
    about: str

    def write(self, record: "Record") -> str:
        """Return a run in this form."""
        text: str = getattr(import_module(self.module), self.function)(record)
        return text


FORMATS = {
    "text": Format("sim.report.trace.text", "short", True, "a short telling"),
    "all": Format("sim.report.trace.text", "whole", True, "every event"),
    "columns": Format("sim.report.trace.columns", "columns", True, "a column per task"),
    "mermaid": Format("sim.report.trace.mermaid", "mermaid", False, "a Mermaid diagram"),
    "perfetto": Format("sim.report.trace.perfetto", "perfetto", False, "a trace for Perfetto"),
    "json": Format("sim.report.trace.text", "json_lines", False, "the trace as JSON Lines"),
}


def formats_in_words() -> str:
    """Return what the forms are, in one sentence."""
    *others, last = (one.about for one in FORMATS.values())
    told = f"{', '.join(others)}, or {last}."
    return told[0].upper() + told[1:]
