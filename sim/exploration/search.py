"""Looks at the schedules of a scenario and says whether any of them breaks a property."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sim.exploration.inquiry import Inquiry
from sim.exploration.listed import settled_times
from sim.exploration.verdict import Exploration, Verdict
from sim.kernel.series import run_once, run_search
from sim.kernel.world import Job
from sim.model.happens_before import silent_wakes
from sim.model.record import End, Ending
from sim.model.scenario import Scenario
from sim.runs.play import Record, job_for, record
from sim.runs.stage import Rung
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from sim.sut.guards import Guard

OnRun = Callable[[int], None]
"""Called with the number of schedules looked at so far."""
_JUDGED = (Ending.COMPLETED, Ending.DEADLOCK, Ending.TIME_LIMIT)
"""Endings from which a property can be judged; any other one leaves the question open."""
_PROBES = 4
"""Runs from which the number of choices in a run is measured, for PCT."""


def explore(
    scenario: Scenario,
    inquiry: Inquiry | None = None,
    guard: Guard | None = None,
    rung: Rung = Rung.ASGI,
    on_run: OnRun | None = None,
) -> Exploration:
    """Search the schedules of `scenario` for a run that breaks the property.

    inquiry: what to ask; by default a complete search for errors, with dpor, at the scenario's
    times. guard: somebody's own, for a scenario that names it "module:name". on_run: called after
    every run that counts. Raises UserError if times are drawn but have to be fixed.
    """
    asked = inquiry or Inquiry()
    tally = _Tally(scenario, asked, on_run)
    variants = settled_times(scenario, asked)
    horizon = pruned = runs = done = 0
    ended = True
    for variant in variants:
        tally.settled = variant
        most = asked.most - runs
        if asked.samples:
            most = -(-most // (len(variants) - done))  # a share for each of those still to come
        job = job_for(variant, Fifo(), rung, guard, asked.untimed)
        job = replace(job, steps=asked.strategy == "dpor")
        horizon = _horizon(job, asked) if asked.strategy == "pct" else 0
        search = replace(asked, max_schedules=most).search(horizon)
        series = run_search(job, search, tally.add, most + asked.samples)
        runs += series.runs
        done += 1
        ended &= series.complete
        pruned += getattr(search, "pruned", 0)
        if (asked.first and tally.failing) or runs >= asked.most:
            break
    ended &= done == len(variants)
    bounds = [*tally.bounds(), *_limits(rung)]
    if not ended and not (asked.first and tally.failing):
        bounds.insert(0, f"cut after {runs} schedules")
    if pruned:
        bounds.insert(0, f"{pruned} options lay beyond the bound")
    complete = ended and not bounds and not asked.samples
    if guard is not None and asked.strategy == "dpor":
        bounds.append(f"modulo instrumentation: {scenario.guard} may keep state of its own")
    scope = asked.scope(horizon)
    if len(variants) > 1:
        share = "all" if done == len(variants) else f"{done} of"
        scope += f", {share} {len(variants)} combinations of those listed"
    return tally.exploration(runs, complete, scope, "; ".join(bounds))


def _horizon(job: Job, inquiry: Inquiry) -> int:
    """Return the most choices in a few runs."""
    ends = [run_once(job.under(Fifo()))]
    for number in range(_PROBES - 1):
        ends.append(run_once(job.under(Uniform(inquiry.seed + number))))
    return max(len(end.schedule) for end in ends)


def _limits(rung: Rung) -> list[str]:
    """Return why even a search that came to its end is not complete."""
    if rung is Rung.WIRE:
        return ["on the wire rung locks of the libraries are not recorded: never complete"]
    return []


class _Tally:
    """Judges the runs of a search and keeps count."""

    def __init__(self, scenario: Scenario, inquiry: Inquiry, on_run: OnRun | None) -> None:
        self._scenario = self.settled = scenario
        self._inquiry = inquiry
        self._on_run = on_run
        self._outcomes: Counter[str] = Counter()
        self._open: Counter[str] = Counter()
        self._silent: dict[tuple[str, str], None] = {}
        self._failure: Record | None = None
        self._points = self._deepest = 0
        self._untouched = True
        self.failing = 0

    def add(self, end: End) -> bool:
        """Judge one run. Return whether that is enough."""
        self._points += len(end.schedule)
        self._deepest = max(self._deepest, len(end.schedule))
        self._silent |= dict.fromkeys(silent_wakes(end.trace_steps))
        if end.ending not in _JUDGED:
            self._open[f"{end.ending}: {end.error}"] += 1
            return False
        found = record(self.settled, end)
        self._untouched &= _untouched(end)
        self._outcomes[found.outcome.label] += 1
        if self._inquiry.fails(found.outcome):
            self.failing += 1
            if self._failure is None or _cost(found) < _cost(self._failure):
                self._failure = found
        if self._on_run is not None:
            self._on_run(self._outcomes.total())
        return self._inquiry.first and self.failing > 0

    def bounds(self) -> list[str]:
        """Return what stands in the way of a complete answer."""
        found = [f"{count} runs ended by {why}" for why, count in self._open.items()]
        found += [f"{one} woke {other} without a recorded write" for one, other in self._silent]
        return found

    def exploration(self, runs: int, complete: bool, scope: str, bound: str) -> Exploration:
        """Return the verdict."""
        if self.failing:
            verdict = Verdict.RACY
        else:
            verdict = Verdict.RACE_FREE if complete else Verdict.INCONCLUSIVE
        looked = self._outcomes.total()
        return Exploration(
            scenario=self._scenario,
            inquiry=self._inquiry,
            verdict=verdict,
            complete=complete,
            scope=scope,
            bound=bound,
            classes=looked if self._inquiry.strategy == "dpor" else None,
            schedules=runs,
            looked=looked,
            failing=self.failing,
            outcomes=dict(self._outcomes),
            deepest=self._deepest,
            points=self._points,
            silent=tuple(self._silent),
            untouched=self._untouched,
            failure=self._failure,
        )


def _cost(found: Record) -> tuple[int, int]:
    """Return by what the simplest failure is chosen: deviations from the default, then length."""
    return sum(choice.deviates for choice in found.schedule), found.end.steps


def _untouched(end: End) -> bool:
    """Whether application_state stayed CONNECTED until the handler left its loop."""
    for event in end.events:
        if event.kind in ("left", "raised"):
            break
        if event.kind == "application_state" and event.values["state"] == "DISCONNECTED":
            return False
    return True
