"""Which answers came: by waits that add up, and by waits for what comes after a message."""

import pytest

from sim.live.visiting.answers import Answers


def after(fresh: bool, happens: str) -> tuple[int, int]:
    """Return awaited and answered. s: a message is sent, w: a wait begins, e: it ends, m: one came.

    A digit is a wait for so many.
    """
    found = Answers(fresh)
    for what in happens:
        if what.isdigit():
            found.begin(int(what))
        else:
            {"s": found.note_send, "w": lambda: found.begin(1), "e": found.end, "m": found.take}[
                what
            ]()
    return found.awaited, found.answered


@pytest.mark.parametrize(
    ("happens", "fresh", "adding"),
    [
        ("swme", (1, 1), (1, 1)),
        ("smwe", (1, 1), (1, 1)),
        ("swe", (1, 0), (1, 0)),
        ("s3mme", (3, 2), (3, 2)),
        ("smmmweswe", (2, 1), (2, 2)),
        ("sweswme", (2, 1), (2, 1)),
        ("swsme", (1, 1), (1, 1)),
        ("smmm2es2mme", (4, 4), (4, 4)),
        ("e", (0, 0), (0, 0)),
        ("ssmm", (0, 0), (0, 0)),
    ],
)
def test_what_was_awaited_and_what_came(
    happens: str, fresh: tuple[int, int], adding: tuple[int, int]
) -> None:
    assert (after(True, happens), after(False, happens)) == (fresh, adding)


def test_all_are_there_when_as_many_came_as_are_waited_for() -> None:
    found = Answers(fresh=False)
    seen = [found.are_there]
    found.begin(2)
    for _ in range(2):
        found.take()
        seen.append(found.are_there)
    assert seen == [True, False, True]
