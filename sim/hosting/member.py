"""What was looked for in a container and was not there: `del self.operations[key]`, `.remove(one)`.

A container has no attributes that could be watched, so it is watched through the attribute of the
object that holds it: whoever reaches it there is noted, with whether the member was in it then. Who
reached it last before it was gone took it out.
"""

import ast
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from linecache import getline
from sys import _getframe
from types import FrameType
from typing import Any

from sim.hosting.condition import is_plain, last_of, named, rose_from, vars_of
from sim.hosting.target import Target
from sim.hosting.watch import Access, access_of, replaced, shown

_CONTAINERS = (dict, list, set, deque)
_LOOKS = frozenset({"remove", "pop", "popleft", "popitem", "index"})
"""Methods that raise if what they look for is not there."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A member that was not there."""

    found: Any
    """The object that holds the container."""
    name: str
    """The attribute in which it does."""
    member: Any
    """What was looked for; None if anything would have done."""
    anything: bool
    """Whether anything would have done."""
    walked: bool
    """Whether it was walked, and changed meanwhile."""
    frame: FrameType
    line: int

    def is_in(self, container: Any) -> bool:
        """Whether it is in a container, looked for without a call of anything of theirs."""
        if self.anything:
            return bool(len(container))
        plain = is_plain(self.member)
        return any(one is self.member or (plain and one == self.member) for one in container)

    def words(self) -> str:
        """Return what the container was."""
        if self.walked:
            return "changed while it was walked"
        return "empty" if self.anything else f"without {shown(self.member)}"


def missing_of(error: BaseException) -> Missing | None:
    """Return what an exception says was not there, None if it is no such exception."""
    for one in reversed(list(rose_from(error))):
        last = last_of(one.__traceback__)
        walked = isinstance(one, RuntimeError) and "during iteration" in str(one)
        if last is None or not (walked or isinstance(one, KeyError | IndexError | ValueError)):
            continue
        found = _sought(last.tb_frame, last.tb_lineno, one)
        if found is not None:
            return found
    return None


def _sought(frame: FrameType, line: int, error: BaseException) -> Missing | None:
    walked = isinstance(error, RuntimeError)
    for place, arguments in _looks_at(getline(frame.f_code.co_filename, line), walked):
        if not isinstance(place.value, ast.Name):
            continue
        holder = named(frame, place.value.id)
        container = vars_of(holder).get(place.attr)
        if not isinstance(container, _CONTAINERS):
            continue
        if walked:
            return Missing(holder, place.attr, None, True, True, frame, line)
        anything = isinstance(error, IndexError) or not arguments
        member = None
        if isinstance(error, KeyError) and error.args and not anything:
            member = error.args[0]
        elif isinstance(error, ValueError):
            name = arguments[0]
            if not isinstance(name, ast.Name):
                continue
            member = named(frame, name.id)
        return Missing(holder, place.attr, member, anything, False, frame, line)
    return None


def _looks_at(source: str, walked: bool) -> Iterator[tuple[ast.Attribute, list[ast.expr]]]:
    """Yield the containers in which a line looks for something, with what it looks for.

    walked: whether it walks through them instead.
    """
    text = source.strip()
    try:
        tree = ast.parse(text + " pass" if text.endswith(":") else text)
    except SyntaxError:  # a part of a statement
        return
    if walked:
        for loop in ast.walk(tree):
            if isinstance(loop, ast.For | ast.AsyncFor | ast.comprehension):
                every = ast.walk(loop.iter)
                yield from ((one, []) for one in every if isinstance(one, ast.Attribute))
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
            yield node.value, [node.slice]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _LOOKS
            and isinstance(node.func.value, ast.Attribute)
        ):
            yield node.func.value, list(node.args)


def who_reached(
    missing: Missing, seen: Sequence[tuple[Access, Sequence[Any]]]
) -> tuple[bool, Access | None]:
    """Return whether a member was not there, and who took it out; or who changed what was walked.

    seen: who reached the container, in order, the call that raised among them. None if nobody was
    seen.
    """
    mine = [one for one in seen if one[0].found is missing.found]
    raised = [place for place, (one, _) in enumerate(mine) if one.frame is missing.frame]
    if not raised:
        return False, None
    if not missing.walked:
        there = [one for one, members in mine[: raised[-1]] if missing.is_in(members)]
        return not missing.is_in(mine[raised[-1]][1]), (there[-1] if there else None)
    later = mine[raised[-1] + 1 :]
    for (one, members), after in zip(later, [*(held for _, held in later[1:]), None], strict=True):
        if after is None or len(after) != len(members):
            return True, one
    return False, None


@contextmanager
def watching_members(
    missing: Missing, target: Target
) -> Iterator[list[tuple[Access, Sequence[Any]]]]:
    """Note who reaches such a container, and what is in it then, while runs are made."""
    seen: list[tuple[Access, Sequence[Any]]] = []
    kind = type(missing.found)
    reads: Any = kind.__getattribute__

    def read(self: Any, name: str) -> Any:
        value = reads(self, name)
        if name == missing.name and isinstance(value, _CONTAINERS):
            frame = _getframe(1)
            if access := access_of(target, (self, name, "", "", False), frame, frame):
                seen.append((access, list(value)))
        return value

    with replaced(kind, "__getattribute__", read):
        yield seen
