"""What is tested: a scenario under a guard, or with a handler that is not ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from sim.errors import BadSchedule, Divergence
from sim.exploration.counterexample import Counterexample, counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.listed import settled_times
from sim.exploration.search import explore
from sim.exploration.verdict import Exploration
from sim.files.racefile import RaceFile
from sim.files.recorded import Recorded
from sim.files.token import TokenBody, picks_of
from sim.model.marks import unpack
from sim.model.plain import printable
from sim.model.scenario import Scenario
from sim.runs.play import Record, play
from sim.runs.stage import Rung
from sim.schedulers.replay import Deviate, Follow, Replay
from sim.sut.guards import Guard
from sim.testing.asked import guard_for, importable, scenario_for
from sim.testing.handlers import Handler, explore_handler, only_one, play_handler


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested.

    scenario: with the name of the guard. own: the guard itself, if it is not ours. handler: instead
    of ours. portable: whether the names in the scenario are all that another process needs to run
    it again.
    """

    scenario: Scenario
    own: Guard | None = None
    handler: Handler | None = None
    portable: bool = True

    def with_guard(self, guard: object, module: str) -> Self:
        """Return the same under another guard. module: where the test stands. Raises UserError."""
        name, own = guard_for(guard, module)
        if own is None:
            scenario = scenario_for(self.scenario, [f"guard={name}"])
        else:
            scenario = self.scenario.model_copy(update={"guard": name})
        portable = own is None or isinstance(guard, str) or importable(name, guard)
        return replace(self, scenario=scenario, own=own, handler=None, portable=portable)

    def with_handler(self, handler: Handler) -> Self:
        """Return the same with a handler that is not ours."""
        return replace(self, handler=handler, portable=False)

    def search(self, inquiry: Inquiry) -> Exploration:
        """Search the schedules. Raises UserError."""
        if self.handler is not None:
            return explore_handler(self.handler, self.scenario, inquiry)
        return explore(self.scenario, inquiry, self.own)

    def follow(self, picks: Sequence[int], inquiry: Inquiry) -> Record:
        """Make the run that answers with `picks`, then with defaults.

        Raises BadSchedule or Divergence if it cannot.
        """
        scheduler = Follow(picks)
        if self.handler is not None:
            record = play_handler(self.handler, self.scenario, inquiry, scheduler)
        else:
            settled = only_one(settled_times(self.scenario, inquiry))
            record = play(settled, scheduler, guard=self.own, untimed=inquiry.untimed)
        if isinstance(record.end.error, Divergence | BadSchedule):
            raise record.end.error
        return record

    def repeat(self, recorded: Recorded) -> Record:
        """Make the choices of a recorded run again, whatever comes of them this time.

        Raises Divergence if the code takes another way by now.
        """
        scheduler: Replay | Deviate
        if isinstance(recorded, RaceFile):
            scheduler = Replay(recorded.choices())
        else:
            assert isinstance(recorded, TokenBody)
            marks = None if recorded.marks is None else unpack(recorded.marks)
            scheduler = Deviate(picks_of(recorded), recorded.choices, marks)
        untimed = recorded.times == "all"
        record = play(recorded.scenario, scheduler, Rung(recorded.rung), self.own, untimed)
        try:
            if isinstance(record.end.error, Divergence):
                raise record.end.error
            scheduler.close()
        except Divergence as error:
            what = "the recorded run cannot be made: the code takes another way by now"
            raise Divergence(f"{what}: {error}") from None
        return record

    def example(self, found: Exploration) -> Counterexample | None:
        """Return the failure that was found, made small, if it can be run by its names alone."""
        return counterexample(found, guard=self.own) if self.portable else None

    def answers(self, recorded: Recorded, any_guard: bool = False) -> bool:
        """Whether a recorded run is one of this subject: same scenario, guard and runtime."""
        ours, theirs = self.scenario, recorded.scenario
        keys = ("name", "runtime") if any_guard else ("name", "runtime", "guard")
        same = all(getattr(ours, key) == getattr(theirs, key) for key in keys)
        return same and self.handler is None

    def words(self) -> str:
        """Return in words what is tested."""
        name = getattr(self.handler, "__qualname__", type(self.handler).__qualname__)
        who = f"guard {self.scenario.guard}" if self.handler is None else f"handler {name}"
        return printable(
            f"{self.scenario.name or 'a scenario'}, {who}, runtime {self.scenario.runtime}"
        )
