"""Many mutable objects compared with what they were in one go.

Asked object by object, whether anything has changed costs as much as the application's own part of
a short run. In most runs, and between most turns, nothing has.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import is_
from typing import Any

from sim.aio.reach import is_a
from sim.aio.saved import Saved

_SIZE = 32
"""Objects in one group: in a group in which something has changed each of them is asked."""
_Numbered = tuple[int, Saved]


class Together:
    """What can change of an application, in groups."""

    def __init__(self, saved: Sequence[Saved]) -> None:
        """Take everything as it is now for unchanged. saved: in the order of its numbers."""
        self._others: list[_Numbered] = []
        mappings: list[_Numbered] = []
        lists: list[_Numbered] = []
        for pair in enumerate(saved):
            whole = None if pair[1].counts else pair[1].whole()
            kind = self._others if whole is None else lists if is_a(whole, list) else mappings
            kind.append(pair)
        self._groups = [
            *(_Group(members, has_keys=True) for members in _batches(mappings)),
            *(_Group(members, has_keys=False) for members in _batches(lists)),
        ]

    def changed(self) -> list[_Numbered]:
        """Return what is not as it was, with its number, in that order."""
        found = [pair for pair in self._others if pair[1].changed()]
        for group in self._groups:
            if not group.is_untouched():
                found += [pair for pair in group.members if pair[1].changed()]
        found.sort(key=lambda pair: pair[0])
        return found


class _Group:
    """Some objects, each of which shows all that it holds."""

    def __init__(self, members: Sequence[_Numbered], has_keys: bool) -> None:
        self.members = members
        self._has_keys = has_keys
        shown = self._shown()
        self._sizes = list(map(len, shown))
        self._flat = list(self._held_by(shown))  # kept, so that no address is used twice

    def is_untouched(self) -> bool:
        """Whether the very same things are in each, in the same order."""
        shown = self._shown()
        same_sizes = list(map(len, shown)) == self._sizes
        return same_sizes and all(map(is_, self._held_by(shown), self._flat))

    def _shown(self) -> list[Any]:
        return [one.whole() for _, one in self.members]

    def _held_by(self, shown: list[Any]) -> Iterator[Any]:
        """Yield what is in containers; of mappings all keys, then all values."""
        held: Iterator[Any] = chain.from_iterable(shown)
        if self._has_keys:
            held = chain(held, chain.from_iterable([one.values() for one in shown]))
        return held


def _batches(members: list[_Numbered]) -> Iterator[list[_Numbered]]:
    for at in range(0, len(members), _SIZE):
        yield members[at : at + _SIZE]
