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
from itertools import islice
from linecache import getline
from sys import _getframe
from types import FrameType, TracebackType
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
        kind, plain = type(self.member), is_plain(self.member)
        return any(
            one is self.member or (plain and type(one) is kind and one == self.member)
            for one in container
        )

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
        found = _sought(last, one, walked)
        if found is not None:
            return found
    return None


def _sought(last: TracebackType, error: BaseException, walked: bool) -> Missing | None:
    """Return what was looked for by the very expression that raised."""
    frame, line = last.tb_frame, last.tb_lineno
    arguments: list[ast.expr] = []
    if walked:
        place = _walked_at(getline(frame.f_code.co_filename, line))
    else:
        raised = _expression_at(last)
        place, arguments = _looked_at(raised) if raised is not None else (None, [])
    if place is None or not isinstance(place.value, ast.Name):
        return None
    holder = named(frame, place.value.id)
    if not isinstance(vars_of(holder).get(place.attr), _CONTAINERS):
        return None
    if walked:
        return Missing(holder, place.attr, None, True, True, frame, line)
    if isinstance(error, IndexError) or not arguments:
        return Missing(holder, place.attr, None, True, False, frame, line)
    if isinstance(error, KeyError) and error.args:
        return Missing(holder, place.attr, error.args[0], False, False, frame, line)
    if isinstance(arguments[0], ast.Name):
        member = named(frame, arguments[0].id)
        return Missing(holder, place.attr, member, False, False, frame, line)
    return None


def _expression_at(last: TracebackType) -> ast.expr | None:
    """Return the expression at which an exception rose, None if nobody knows.

    CPython keeps for each instruction where its expression stands (PEP 657).
    """
    code = last.tb_frame.f_code
    place = next(islice(code.co_positions(), last.tb_lasti // 2, None), None)
    if place is None or None in place or place[0] != place[1]:
        return None
    line, _, begin, end = place
    text = getline(code.co_filename, line or 0).encode()[begin:end].decode(errors="replace")
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _walked_at(source: str) -> ast.Attribute | None:
    """Return the container that the loop of a line walks, None if that cannot be told.

    Up to Python 3.12 the instruction that steps on stands for the whole loop.
    """
    text = source.strip()
    try:
        tree = ast.parse(f"{text} pass" if text.endswith(":") else text)
    except SyntaxError:  # a part of a statement
        return None
    loops = [
        one.iter
        for one in ast.walk(tree)
        if isinstance(one, ast.For | ast.AsyncFor | ast.comprehension)
    ]
    if len(loops) != 1:
        return None
    walks = loops[0]
    if isinstance(walks, ast.Call) and isinstance(walks.func, ast.Attribute):
        walks = walks.func.value  # .items(), .values(), .keys()
    return walks if isinstance(walks, ast.Attribute) else None


def _looked_at(raised: ast.expr) -> tuple[ast.Attribute | None, list[ast.expr]]:
    """Return the container in which an expression looks for something, and what it looks for."""
    if isinstance(raised, ast.Subscript) and isinstance(raised.value, ast.Attribute):
        return raised.value, [raised.slice]
    if (
        isinstance(raised, ast.Call)
        and isinstance(raised.func, ast.Attribute)
        and raised.func.attr in _LOOKS
        and isinstance(raised.func.value, ast.Attribute)
    ):
        return raised.func.value, list(raised.args)
    return None, []


def who_reached(
    missing: Missing, seen: Sequence[tuple[Access, Sequence[Any]]]
) -> tuple[bool, Access | None]:
    """Return whether a member was not there, and who took it out; or who changed what was walked.

    seen: who reached the container, in order, the call that raised among them. None if nobody was
    seen.
    """
    mine = [one for one in seen if one[0].found is missing.found]
    raised = [
        place
        for place, (one, _) in enumerate(mine)
        if one.frame is missing.frame and one.line == missing.line
    ]
    if not raised:
        return False, None
    at = raised[-1]
    if not missing.walked:
        there = [one for one, members in mine[:at] if missing.is_in(members)]
        return not missing.is_in(mine[at][1]), (there[-1] if there else None)
    later = mine[at + 1 :]
    sizes = [len(members) for _, members in later[1:]]
    for (one, members), after in zip(later, [*sizes, None], strict=False):
        if after is None or after != len(members):
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
