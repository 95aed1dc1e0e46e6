"""Compared in groups, objects are found changed exactly when each of them, asked alone, is."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sim.aio.saved import Fresh, Saved, mark_counters, save
from sim.aio.together import Together


class Holder:
    """Something with attributes."""


class Slotted:
    """Something with a slot."""

    __slots__ = ("value",)


class Listing(list[int]):
    """A list that lies about what it holds."""

    def __iter__(self) -> Any:
        raise LookupError("nobody may ask")


def saved(things: list[Any]) -> list[Saved]:
    fresh = Fresh()
    found = [one for number, thing in enumerate(things) for one in save(str(number), thing, fresh)]
    mark_counters(found, fresh)
    return found


def one_by_one(all_of_them: list[Saved]) -> list[tuple[int, Saved]]:
    return [(number, one) for number, one in enumerate(all_of_them) if one.changed()]


def things() -> list[Any]:
    """Return so many things of every kind that they fill several groups."""
    made: list[Any] = []
    for number in range(40):
        made += [{number: number}, [number], Holder(), Slotted(), {number}, Listing([number])]
    return made


def change(thing: Any, how: int) -> None:
    """Change a thing, or leave it as it is but touched."""
    if isinstance(thing, dict):
        thing.update({how: how})
    elif isinstance(thing, list):
        list.insert(thing, 0, how) if how % 2 else list.reverse(thing)
    elif isinstance(thing, set):
        thing.add(how)
    elif how % 2:
        thing.value = how
    elif isinstance(thing, Holder):
        thing.__dict__ = dict(thing.__dict__)


@given(st.lists(st.tuples(st.integers(0, 239), st.integers(0, 300)), max_size=6))
def test_groups_find_what_each_object_finds(changes: list[tuple[int, int]]) -> None:
    made = things()
    kept = saved(made)
    together = Together(kept)
    assert not together.changed()
    for number, how in changes:
        change(made[number], how)
    assert together.changed() == one_by_one(kept)


def test_a_key_that_moves_from_one_dictionary_to_the_next_is_seen() -> None:
    first, second = {"a": 1, "b": 2}, {"c": 3}
    together = Together(saved([first, second]))
    del first["b"]
    second.clear()
    second.update(b=2, c=3)
    assert [number for number, _ in together.changed()] == [0, 1]


def test_attributes_that_were_taken_away_altogether_are_seen() -> None:
    thing = Holder()
    thing.__dict__["value"] = "kept"
    together = Together(saved([thing]))
    thing.__dict__ = {}
    assert len(together.changed()) == 1


def test_what_is_equal_but_another_object_counts_as_changed() -> None:
    numbers, named = [10**30], {"key": 10**30}
    together = Together(saved([numbers, named]))
    numbers[0] = int("1" + 30 * "0")
    named["key"] = int("1" + 30 * "0")
    assert len(together.changed()) == 2
