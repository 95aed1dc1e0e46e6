"""First in, first out: every choice takes its default."""

from sim.model.schedule import Question


class Fifo:
    """Answer each question with its default; an engine's defaults are its natural order."""

    def choose(self, question: Question) -> int:
        """Return the default."""
        return question.default
