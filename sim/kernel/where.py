"""Where in the code something happens: lines of tasks that step, and of tasks that wait."""

import sys
import types

import outcome
import trio

from sim.kernel.lines import OwnCode

_KERNEL = (__name__.rpartition(".")[0], trio.__name__, outcome.__name__)
"""Packages that act for every program."""


def code_lines(own: OwnCode, helpers: tuple[str, ...] = ()) -> tuple[str, str]:
    """Return two lines, "module:line", innermost first; each "" if there is none.

    The first is of the innermost frame that acts for itself, the second of somebody's own code.
    """
    frame: types.FrameType | None = sys._getframe(1)
    acting = (*_KERNEL, *helpers)
    where = ""
    while frame is not None and frame.f_code is not trio.run.__code__:  # beyond it is no world
        module = str(frame.f_globals.get("__name__", "?"))
        if not module.startswith(acting):
            line = f"{module}:{frame.f_lineno}"
            where = where or line
            if own(frame.f_code, module):
                return where, line
        frame = frame.f_back
    return where, ""


def own_line(own: OwnCode, task: trio.lowlevel.Task) -> str:
    """Return the innermost line of somebody's own code at which `task` waits, "" if none does."""
    where = ""
    for frame, line in task.iter_await_frames():
        module = str(frame.f_globals.get("__name__", "?"))
        if not module.startswith(_KERNEL) and own(frame.f_code, module):
            where = f"{module}:{line}"
    return where


def describe_wait(task: trio.lowlevel.Task) -> str:
    """Return what `task` waits for: its own functions, outermost first, then Trio's operation.

    Each own function comes with module and line; of Trio's frames only the first is named. A module
    whose functions stand between the code of a world and Trio defines HARNESS, and is left out.
    """
    shown: list[str] = []
    for frame, line in task.iter_await_frames():
        module = frame.f_globals.get("__name__", "?")
        if module.split(".")[0] == "trio":
            shown.append(_short(frame.f_code))
            break
        if "HARNESS" not in frame.f_globals:
            shown.append(f"{_short(frame.f_code)} ({module}:{line})")
    return " > ".join(shown) or "nothing"


def _short(code: types.CodeType) -> str:
    return code.co_qualname.rpartition("<locals>.")[2]
