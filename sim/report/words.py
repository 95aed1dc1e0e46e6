"""What the figures of a reproduction say, in three sentences derived from them."""

from collections.abc import Iterable, Sequence

from sim.model.results import CellResult
from sim.sweep.summary import AFTER, BEFORE, Summary


def sentences(summary: Summary) -> tuple[str, ...]:
    """Return three sentences: how often, what the fix changes, which guards hold."""
    results = summary.results
    return (_how_often(results), _what_changes(summary), _which_hold(results))


def _totals(results: Iterable[CellResult]) -> tuple[int, int]:
    found = list(results)
    return sum(one.failures for one in found), sum(one.trials for one in found)


def _how_often(results: Sequence[CellResult]) -> str:
    before = [one for one in results if one.cell.guard == BEFORE]
    if not before:
        failures, trials = _totals(results)
        return f"{failures:,} of {trials:,} runs fail."
    failures, trials = _totals(before)
    if not failures:
        return f"With {BEFORE} none of {trials:,} runs fails."
    rates = {name: _totals(group) for name, group in _by_injection(before).items()}
    fail = [f"{name} ({part / whole:.0%})" for name, (part, whole) in rates.items() if part]
    never = [name for name, (part, _) in rates.items() if not part]
    rest = f", never in {_join(never)}" if never else ""
    return f"With {BEFORE} {failures:,} of {trials:,} runs fail: in {_join(fail)}{rest}."


def _what_changes(summary: Summary) -> str:
    if not summary.pairs:
        return f"There is no pair of {BEFORE} and {AFTER} to compare."
    alike, differ = [], []
    for name, group in _by_injection(
        [one for one in summary.results if one.cell.guard in (BEFORE, AFTER)]
    ).items():
        before = _totals(one for one in group if one.cell.guard == BEFORE)
        after = _totals(one for one in group if one.cell.guard == AFTER)
        changed = any(
            pair.difference or pair.low > 0 or pair.high < 0
            for pair in summary.pairs
            if pair.cell.injection == name
        )
        lost = sum(one.lost for one in group if one.cell.guard == AFTER)
        lost -= sum(one.lost for one in group if one.cell.guard == BEFORE)
        price = f"{lost:,} more runs lose a message" if lost > 0 else ""
        if changed:
            shift = f"{name} ({before[0]:,} to {after[0]:,} failures)"
            differ.append(f"{shift}, {price}" if price else shift)
        elif price:
            differ.append(f"{name} (no failure prevented, but {price})")
        else:
            alike.append(name)
    change = f"The published fix changes {_join(differ)}" if differ else "The fix changes nothing"
    same = f"; in {_join(alike)} it fails exactly as before" if alike and differ else ""
    return f"{change}{same}."


def _which_hold(results: Sequence[CellResult]) -> str:
    by_guard: dict[str, list[CellResult]] = {}
    for one in results:
        by_guard.setdefault(one.cell.guard, []).append(one)
    never, rarely = [], []
    for guard, group in by_guard.items():
        failing = [one for one in group if one.failures]
        if not failing:
            never.append(f"{guard} (0 of {_totals(group)[1]:,})")
        elif guard not in (BEFORE, AFTER, "none"):
            places = dict.fromkeys(one.cell.injection for one in failing)
            runtimes = dict.fromkeys(one.cell.runtime for one in failing)
            rarely.append(f"{guard} fails in {_join(places)} on {_join(runtimes)}")
    hold = f"Never failing: {_join(never)}" if never else "No guard never fails"
    return f"{hold}; {'; '.join(rarely)}." if rarely else f"{hold}."


def _by_injection(results: Iterable[CellResult]) -> dict[str, list[CellResult]]:
    groups: dict[str, list[CellResult]] = {}
    for one in results:
        groups.setdefault(one.cell.injection, []).append(one)
    return groups


def _join(parts: Iterable[str]) -> str:
    found = list(parts)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
