"""Every error that wsrace raises on purpose, so that callers can catch one family.

`UserError` and its children are somebody's input being wrong: one clear line per fault, no
traceback at the command line. The others say something about a run.
"""

from collections.abc import Sequence


class WsraceError(Exception):
    """Base of all errors raised by wsrace."""


class UserError(WsraceError):
    """Input that cannot be used. `faults` holds one line for each thing that is wrong."""

    def __init__(self, *faults: str) -> None:
        self.faults: Sequence[str] = faults
        super().__init__("\n".join(faults))


class BadSchedule(UserError):
    """A list of picks or choices that no run can follow, whatever the world does."""


class NoAnswer(WsraceError):
    """A run or a search that says nothing about what was asked: neither a pass nor a failure."""


class Divergence(WsraceError):
    """A replay met another choice than the one recorded. Never clamped, always raised."""


class Redundant(WsraceError):
    """A search needs no more of this run: what follows was seen in another one."""


class UnsupportedTrio(WsraceError, ImportError):
    """The installed Trio lacks the names that the kernel needs."""


class UnsupportedPython(WsraceError, ImportError):
    """This Python's asyncio lacks the names that the engine for applications needs."""


class LimitReached(WsraceError):
    """A world used up its steps or its time."""


class Deadlock(WsraceError):
    """No task of a world can ever run again."""


class RefusedOperation(WsraceError):
    """Code inside a world asked for what no schedule controls, or broke the terms it runs on."""


class Nondeterminism(WsraceError):
    """The same scenario and schedule gave two different runs."""


class StuckWorld(WsraceError):
    """A world did not end although it was cancelled."""


def words_of(error: BaseException | None) -> str:
    """Return what an error says; for a group, what the exceptions in it say, with their types."""
    if not isinstance(error, BaseExceptionGroup):
        return str(error)
    return ", ".join(f"{type(one).__name__}: {one}" for one in leaves(error))


def leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """Return the exceptions of a group and of the groups in it."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
