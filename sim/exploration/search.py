"""Looks at the schedules of a subject and says whether any of them breaks a property."""

from dataclasses import replace

from sim.errors import Divergence, UserError
from sim.exploration.inquiry import Inquiry
from sim.exploration.stability import FirstRun, taken_otherwise
from sim.exploration.tally import OnRun, Tally
from sim.exploration.verdict import Exploration
from sim.kernel.series import run_once, run_plan
from sim.model.engine import Job, Plan
from sim.model.record import Ending
from sim.model.scenario import Scenario
from sim.model.schedule import Search
from sim.runs.handler import HandlerSubject
from sim.runs.own import OwnHandler
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Subject
from sim.schedulers.fifo import Fifo
from sim.schedulers.uniform import Uniform
from sim.sut.guards import Guard

_PROBES = 4
"""Runs from which the number of choices in a run is measured, for PCT."""


def explore(
    scenario: Scenario,
    inquiry: Inquiry | None = None,
    guard: Guard | None = None,
    fidelity: Fidelity = Fidelity.ASGI,
    on_run: OnRun | None = None,
    handler: OwnHandler | None = None,
) -> Exploration:
    """Search the schedules of `scenario` for a run that breaks the property.

    inquiry: what to ask; by default a complete search for errors, with dpor, at the scenario's
    times. guard: somebody's own, for a scenario that names it "module:name". fidelity: how much of
    the runs is real. on_run: called after every run that counts. handler: somebody's own, instead
    of ours. Raises UserError if times are drawn but have to be fixed.
    """
    subject = (
        ScenarioSubject(scenario, fidelity, guard)
        if handler is None
        else HandlerSubject(scenario, fidelity, tellable=handler.importable, own=handler)
    )
    return search(subject, inquiry or Inquiry(), on_run)


def search(subject: Subject, inquiry: Inquiry, on_run: OnRun | None = None) -> Exploration:
    """Search the schedules of a subject for a run that breaks the property.

    Between the runs its first schedule is run again: before the search, after each outcome that is
    new, and after the search. If it goes otherwise than at first, runs do not depend on their
    choices alone, and there is no verdict. Raises UserError for what the subject cannot be asked.
    """
    if why := subject.refuses(inquiry.prop):
        raise UserError(why)
    tally = Tally(subject, inquiry, on_run)
    variants = subject.variants(inquiry.times)
    horizon = pruned = runs = done = 0
    ended = True
    for variant in variants:
        tally.variant = variant
        most = inquiry.most - runs
        if inquiry.way.draws:
            most = -(-most // (len(variants) - done))  # a share for each of those still to come
        job = variant.job(Fifo()).recording(steps=inquiry.way.reads_steps)
        horizon = _horizon(job, inquiry) if inquiry.way.measures else 0
        schedulers = replace(inquiry, max_schedules=most).search(horizon, job.in_batches)
        watch = done == 0  # one comparison with another process is enough
        made, finished = _run(variant, job, schedulers, tally, most + inquiry.way.draws, watch)
        runs += made
        done += 1
        ended &= finished
        pruned += getattr(schedulers, "pruned", 0)
        if tally.enough or runs >= inquiry.most:
            break
    ended &= done == len(variants)
    bounds = [*tally.bounds(), *subject.limits()]
    if not ended and not tally.enough:
        bounds.insert(0, f"cut after {runs} schedules")
    if pruned:
        bounds.insert(0, f"{pruned} options lay beyond the bound")
    complete = ended and not bounds and not inquiry.way.draws
    if inquiry.way.reads_steps:
        bounds += subject.caveats()
    if tally.unseen:
        bounds.append(tally.unseen)
    scope = inquiry.scope(horizon)
    if len(variants) > 1:
        share = "all" if done == len(variants) else f"{done} of"
        scope += f", {share} {len(variants)} combinations of those listed"
    return tally.exploration(runs, complete, scope, "; ".join(bounds))


def _run(
    variant: Subject, job: Job, schedulers: Search, tally: Tally, most: int, elsewhere: bool
) -> tuple[int, bool]:
    """Run every schedule that the search supplies. Return how many, and whether it came to its end.

    What the search itself finds to be otherwise than before is told, too. elsewhere: compare the
    first run with one in another process.
    """
    runs = 0
    finished = False
    first: FirstRun | None = None

    def plan() -> Plan:
        nonlocal runs, finished, first
        first = FirstRun(variant, (yield job), elsewhere)
        tally.unstable = first.compare((yield job))
        while runs < most and not tally.enough:
            scheduler = schedulers.next_scheduler()
            if scheduler is None:
                finished = True
                break
            end = yield job.under(scheduler)
            runs += 1
            if end.ending is Ending.DIVERGED:
                tally.unstable = taken_otherwise(variant, end.error)
            elif schedulers.finished(end.schedule, end.trace_steps) and tally.add(end):
                tally.unstable = first.compare((yield job))
        if not tally.unstable:
            tally.unstable = first.compare((yield job)) or first.elsewhere()
            tally.unseen = tally.unseen or first.unseen

    try:
        run_plan(plan())
    except Divergence as error:
        tally.unstable = taken_otherwise(variant, error)
    finally:
        if first is not None:
            first.close()
    return runs, finished


def _horizon(job: Job, inquiry: Inquiry) -> int:
    """Return the most choices in a few runs."""
    ends = [run_once(job.under(Fifo()))]
    for number in range(_PROBES - 1):
        ends.append(run_once(job.under(Uniform(inquiry.seed + number))))
    return max(len(end.schedule) for end in ends)
