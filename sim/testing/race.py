"""A race to be looked for: one scenario, under a guard or a handler, ours or one's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from sim.errors import Divergence, UserError
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import search
from sim.exploration.verdict import Exploration
from sim.files.recorded import Recorded
from sim.model.scenario import Scenario
from sim.runs.own import Handler
from sim.runs.play import make
from sim.runs.replay import repeat
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Record
from sim.schedulers.replay import Follow
from sim.testing.asked import (
    NO_FAILURE,
    inquiry_for,
    is_run_of,
    name_problem,
    only_one,
    scenario_for,
    with_guard,
    with_handler,
)
from sim.testing.failure import Place, RaceFound, run_failed, search_failed
from sim.testing.frames import hide_frames

P = ParamSpec("P")
_DECIDE = 100
"""Schedules that are looked at to see whether some pass, where the first ones have all failed."""
T = TypeVar("T")


def _ignore(found: object) -> None:
    """Outside pytest nobody else wants to know."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What pytest wants of a race.

    replay: the one run to make instead of a search. found: called with each verdict. failed: called
    with each failure, before it is raised.
    """

    replay: Recorded | None = None
    found: Callable[[Exploration], None] = _ignore
    failed: Callable[[RaceFound], None] = _ignore


class Race:
    """What a test asks about one scenario.

    scenario: a name of the catalog, a TOML file, or a `Scenario`. settings: as for `--set`.
    runtime: instead of the scenario's own. guard, handler, factory: as for the methods. options:
    strategy, times, property, bound, max_schedules, seed and first as in an inquiry (times =
    "auto", the default, is "all" if the scenario draws times, else "fixed"), and expect as for
    `check`. place, watch: for pytest. Raises UserError with one line for every fault.
    """

    @hide_frames
    def __init__(
        self,
        scenario: str | Path | Scenario,
        *,
        settings: Sequence[str] = (),
        runtime: str | None = None,
        guard: object = None,
        handler: Handler | Callable[[], Handler] | str | None = None,
        factory: bool = False,
        place: Place | None = None,
        watch: Watch | None = None,
        **options: Any,
    ) -> None:
        self._place = place or Place()
        self._watch = watch or Watch()
        self._options = options
        self.replayed = False
        """Whether the one run that pytest was asked to replay was made here."""
        opened = scenario_for(scenario, settings, runtime)
        if not opened.name:
            opened = opened.model_copy(update={"name": self._place.node})
        self.subject = ScenarioSubject(opened)
        """What is tested."""
        inquiry_for(opened, options)
        if guard is not None:  # a guard that a file names is never imported
            self.guard(guard)
        if handler is not None:
            self.handler(handler, factory=factory)

    def __repr__(self) -> str:
        return f"Race({self.subject.words()})"

    @property
    def scenario(self) -> Scenario:
        """What is run, but for what the options change."""
        return self.subject.scenario

    @hide_frames
    def guard(self, guard: object) -> Self:
        """Use a guard: one of ours by name, "module:name", a function of the WebSocket, a Guard.

        Returns the race itself. Raises UserError for anything else.
        """
        self.subject = with_guard(self.subject, guard, self._place.module)
        return self

    @hide_frames
    def handler(
        self, handler: Handler | Callable[[], Handler] | str, *, factory: bool = False
    ) -> Self:
        """Run somebody's own handler instead of ours: an async function of Starlette's WebSocket.

        handler: the function, or "module:name". factory: it is none, but makes one; each run gets
        one that is new, so that what it keeps lasts for one run.

        It runs on Trio, and may use `trio` and what is built on it. Of the scenario it meets the
        clients, the server, the order of the runtime and the injections that have a `time_ms`;
        clients without a script send as soon as they are accepted, and wait for no greeting. Any
        error but WebSocketDisconnect that it raises is a failure, and so is a deadlock. Variables
        that tasks of its own share are not seen by dpor: ask for strategy="exhaustive" then.
        Returns the race itself.
        """
        self.subject = with_handler(self.subject, handler, factory)
        return self

    @hide_frames
    def explore(self, **overrides: Any) -> Exploration:
        """Search the schedules. overrides: options for this search alone. Raises UserError."""
        return self._searched({**self._options, **overrides})

    @hide_frames
    def check(self, *, picks: Sequence[int] | None = None, **overrides: Any) -> None:
        """Search the schedules, and raise RaceFound if the verdict is not as expected.

        picks: make this one run instead, which a failure of `check` has shown. overrides: options
        for this search alone. expect: "none" (the default) or "race-free": no run may fail; "some"
        or "racy": one must; "all": every one must. Unless that is "all", the search stops at the
        first failure. An inconclusive search is never as expected. Raises UserError.
        """
        error = self._checked(picks, {**self._options, **overrides})
        if error is not None:
            self._watch.failed(error)
            raise error

    def _checked(self, picks: Sequence[int] | None, options: Mapping[str, Any]) -> RaceFound | None:
        """Return what is wrong, if anything is."""
        if self._watch.replay is not None:
            return self._repeated(self._watch.replay, options)
        if picks is not None:
            return self._followed(picks, options)
        expect = options.get("expect") or "none"
        found = self._searched({"first": expect != "all", **options})
        if found.fails and not found.complete and found.failing == found.looked:
            found = self._decided(found)
        problem = name_problem(found, expect)
        if not problem:
            return None
        return search_failed(found, problem, expect in NO_FAILURE, self._place)

    def _decided(self, found: Exploration) -> Exploration:
        """Look at a few schedules more: that some fail does not say that it is a race."""
        few = min(found.inquiry.most, _DECIDE)
        more = search(self.subject, replace(found.inquiry, first=False, max_schedules=few))
        return more if more.fails else found

    def _searched(self, options: Mapping[str, Any]) -> Exploration:
        found = search(self.subject, inquiry_for(self.scenario, options))
        if found.refusal and not found.failing:
            raise UserError(f"{self.subject.words()}: no verdict: {found.refusal}")
        self._watch.found(found)
        return found

    def _followed(self, picks: Sequence[int], options: Mapping[str, Any]) -> RaceFound | None:
        """Make the run of `picks`."""
        inquiry = inquiry_for(self.scenario, options)
        record = make(only_one(self.subject.variants(inquiry.times)), Follow(picks))
        return self._judged(record, inquiry)

    def _repeated(self, recorded: Recorded, options: Mapping[str, Any]) -> RaceFound | None:
        """Make the run that pytest was asked to replay, if it is one of this race."""
        if not is_run_of(self.subject, recorded):
            return None
        self.replayed = True
        asked = {**options, "times": recorded.times, "property": recorded.property}
        inquiry = inquiry_for(recorded.of_scenario(), asked)
        subject = replace(
            self.subject,
            scenario=recorded.of_scenario(),
            fidelity=Fidelity(recorded.fidelity),
            untimed=inquiry.untimed,
        )
        try:
            return self._judged(repeat(recorded, subject), inquiry)
        except Divergence as error:
            what = "the recorded run cannot be made: the code takes another way by now"
            raise Divergence(f"{what}: {error}") from None

    def _judged(self, record: Record, inquiry: Inquiry) -> RaceFound | None:
        fails = inquiry.fails(record.outcome)
        return run_failed(record, inquiry, self._place) if fails else None
