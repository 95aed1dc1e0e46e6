"""Whose code a line is: the user's, a library's, or ours."""

import os
import sys
import sysconfig
import types
from collections.abc import Callable

OwnCode = Callable[[types.CodeType, str], bool]
"""Whether code, of the module that is named, acts for itself."""
_OURS = __name__.partition(".")[0]
_LIBRARIES = tuple(f"{os.sep}{part}{os.sep}" for part in ("site-packages", "dist-packages"))
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})


def code_of(home: str) -> OwnCode:
    """Return what tells the code of somebody who is at home in the top-level package `home`.

    What is neither ours, nor the standard library's, nor installed is theirs; and so is their own
    package, wherever it lies.
    """

    def is_theirs(code: types.CodeType, module: str) -> bool:
        top = module.partition(".")[0]
        if top == home and top != _OURS:
            return True
        return top != _OURS and not _is_installed(code.co_filename)

    return is_theirs


def _is_installed(file: str) -> bool:
    """Whether a file belongs to Python or to an installed library."""
    library = any(part in file for part in _LIBRARIES)
    return library or file.startswith(("<frozen", *_STANDARD))


SOMEBODYS_OWN = code_of("")
"""Tells code that is neither ours, nor the standard library's, nor installed."""


def raised_at(error: BaseException, is_own: OwnCode) -> str:
    """Return "module:line" of the innermost own line that an error passed, "" if there is none."""
    where = ""
    step = error.__traceback__
    while step is not None:
        module = str(step.tb_frame.f_globals.get("__name__", "?"))
        if is_own(step.tb_frame.f_code, module):
            where = f"{module}:{step.tb_lineno}"
        step = step.tb_next
    return where


def place_of(where: str) -> str:
    """Return "module:line" of somebody's own code as people open it: the file, seen from here.

    For what is printed, never for what is kept: it depends on the folder that one stands in.
    """
    name, _, line = where.rpartition(":")
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or not line.isdecimal() or _is_installed(file) or name.startswith(f"{_OURS}."):
        return where
    try:
        near = os.path.relpath(file)
    except ValueError:  # on another drive
        return where
    return where if near.startswith(os.pardir) else f"{near}:{line}"
