"""What the figures of a reproduction say, in three sentences derived from them."""

from collections.abc import Callable, Iterable, Sequence

from sim.model.results import CellResult
from sim.report.plots.looks import percent, plain
from sim.sweep.summary import AFTER, BEFORE, Summary


def sentences(summary: Summary) -> tuple[str, str, str]:
    """Return three sentences: how often runs fail, what the fix changes, which guards hold."""
    results = summary.results
    return (_how_often(results), _what_changes(summary), _which_hold(results))


def _how_often(results: Sequence[CellResult]) -> str:
    before = [one for one in results if one.cell.guard == BEFORE]
    told = before or results
    failures, trials = _totals(told)
    verb = "fails" if failures < 2 else "fail"
    who = f"With {BEFORE}" if before else "In all,"
    said = f"{who} {f'{failures:,}' if failures else 'none'} of {trials:,} runs {verb}"
    unreal = sum(one.trials for one in told if one.cell.counterfactual)
    if unreal:
        share = f"all {trials:,}" if unreal == trials else f"{unreal:,} of the {trials:,}"
        said += f" ({share} are counterfactual)"
    if not failures or not before:
        return f"{said}."
    rates = {name: _totals(group) for name, group in _by(_injection, before).items()}
    some = [f"{name} ({percent(part / whole)} %)" for name, (part, whole) in rates.items() if part]
    never = [name for name, (part, _) in rates.items() if not part]
    return f"{said}: in {joined(some)}{f', never in {joined(never)}' if never else ''}."


def _what_changes(summary: Summary) -> str:
    if not summary.pairs:
        return f"There is no pair of {BEFORE} and {AFTER} to compare."
    groups = _by(_injection, summary.results)
    moved = {
        plain(pair.cell.injection) or "(unnamed)"
        for pair in summary.pairs
        if pair.difference or pair.counts[1] or pair.counts[2]
    }
    differ: list[str] = []
    same: list[str] = []
    never: list[str] = []
    for name, group in groups.items():
        guards = [[one for one in group if one.cell.guard == guard] for guard in (BEFORE, AFTER)]
        if not all(guards):
            continue
        (before, _), (after, _) = map(_totals, guards)
        lost = [sum(one.lost for one in part) for part in guards]
        if name in moved or before != after or lost[0] != lost[1]:
            differ.append(f"{name} ({_change(name in moved, before, after, lost[1] - lost[0])})")
        else:
            (same if before else never).append(name)
    parts = [f"The published fix makes a difference in {joined(differ)}"] if differ else []
    parts += [f"the same trials fail with it and without it in {joined(same)}"] if same else []
    parts += [f"nothing fails either way in {joined(never)}"] if never else []
    said = "; ".join(parts)
    return f"{said}." if differ else f"The published fix changes nothing: {said}."


def _change(moved: bool, before: int, after: int, lost: int) -> str:
    """Return the difference in one scenario: in its failures, and in the messages it loses."""
    if before != after:
        fails = f"{before:,} to {after:,} failures"
    elif moved:
        word = "failure" if before == 1 else "failures"
        fails = f"{before:,} {word} as before, but in other trials"
    else:
        fails = "the same trials fail" if before else "nothing fails either way"
    if not lost:
        return fails
    runs = f"{abs(lost):,} {'more' if lost > 0 else 'fewer'}"
    verb = "run loses" if abs(lost) == 1 else "runs lose"
    return f"{fails}{', but' if lost > 0 else ', and'} {runs} {verb} a message"


def _which_hold(results: Sequence[CellResult]) -> str:
    failures, trials = _totals(results)
    if not failures:
        return f"None of {trials:,} runs fails, whatever the guard."
    never: list[str] = []
    fail: dict[str, list[str]] = {}
    for guard, group in _by(_guard, results).items():
        if not any(one.failures for one in group):
            never.append(f"{guard} (0 of {_totals(group)[1]:,})")
        elif guard not in (BEFORE, AFTER, NO_GUARD):
            fail.setdefault(joined(_where(group)), []).append(guard)
    hold = f"Never failing: {joined(never)}" if never else "No guard that was tried holds"
    rest = [
        f"{joined(guards)} {'fails' if len(guards) == 1 else 'fail'} in {places}"
        for places, guards in fail.items()
    ]
    return "; ".join([hold, *rest]) + "."


def _where(group: Sequence[CellResult]) -> list[str]:
    """Return the scenarios with failures, and the runtimes unless all that were tried have some."""
    places = []
    for name, tried in _by(_injection, group).items():
        runtimes = dict.fromkeys(one.cell.runtime for one in tried)
        failing = dict.fromkeys(one.cell.runtime for one in tried if one.failures)
        if failing:
            only = f" (only on {joined(failing)})" if len(failing) < len(runtimes) else ""
            places.append(f"{name}{only}")
    return places


NO_GUARD = '"none"'
"""The name of no guard at all, in quotation marks: "never failing: none" would be misread."""


def _guard(one: CellResult) -> str:
    return NO_GUARD if one.cell.guard == "none" else plain(one.cell.guard)


def _injection(one: CellResult) -> str:
    return plain(one.cell.injection) or "(unnamed)"


def _totals(results: Iterable[CellResult]) -> tuple[int, int]:
    found = list(results)
    return sum(one.failures for one in found), sum(one.trials for one in found)


def _by(
    key: Callable[[CellResult], str], results: Iterable[CellResult]
) -> dict[str, list[CellResult]]:
    groups: dict[str, list[CellResult]] = {}
    for one in results:
        groups.setdefault(key(one), []).append(one)
    return groups


def joined(parts: Iterable[str]) -> str:
    """Return names as a list in words: a, b and c."""
    found = list(parts)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
