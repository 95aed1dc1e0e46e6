"""What came of a run that was executed on the real kernel."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution."""

    placed: bool
    """Whether the kernel could be led all the way."""
    same: bool
    """Whether it went as the simulated run did."""
    why: str = ""
    """Why it could not be led, or what was different first."""
    lacks_findings: bool = False
    """Whether its history was the same, and only what is found in the end was not."""


@dataclass(frozen=True, slots=True)
class Executed:
    """One run, executed so many times as there was time for."""

    asked: int
    """How many times it was to be."""
    attempts: tuple[Attempt, ...]
    left_out_s: float = 0.0
    """How many seconds at its end, in which nothing is seen, were not waited for."""
    refused: str = ""
    """Why it was not executed at all, "" if it was."""

    @property
    def confirmed(self) -> int:
        """How often it went the same."""
        return sum(one.same for one in self.attempts)

    @property
    def not_placed(self) -> int:
        """How often the kernel could not be led."""
        return sum(not one.placed for one in self.attempts)

    @property
    def different(self) -> int:
        """How often it was led, and went another way."""
        return len(self.attempts) - self.confirmed - self.not_placed

    @property
    def why(self) -> str:
        """What was different first, else why it could not be led; "" if neither was."""
        others = [one for one in self.attempts if not one.same]
        return min(others, key=lambda one: not one.placed).why if others else ""
