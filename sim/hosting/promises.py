"""What somebody says of their own application: what always holds, what holds in the end.

A promise is a function without arguments that looks at the application's state. It holds if it
returns None or True; it is broken if it returns anything else, or raises. Within runs nothing else
is asked of it, and what it keeps is a part of the state like everything of the application's own.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sim.errors import UserError
from sim.hosting.observe import words_for
from sim.hosting.target import Target

Promise = Callable[[], Any]


class Promises:
    """The promises of one case."""

    def __init__(self, always: Sequence[str], at_end: Sequence[str]) -> None:
        """Find them. always: names "module:function" of what holds after every turn. at_end: of
        what holds when a run is over. Raises UserError for a name that is none.
        """
        self._always = [(name, promise_named(name)) for name in always]
        self._at_end = [(name, promise_named(name)) for name in at_end]
        self.any = bool(always or at_end)
        """Whether there is one."""

    def broken(self, at_end: bool) -> Iterator[tuple[str, str]]:
        """Yield the names of promises that are broken now, with what is said of each."""
        for name, promise in self._at_end if at_end else self._always:
            if said := _said(promise):
                yield name, said

    def line_of(self, name: str) -> tuple[str, int]:
        """Return file and line of a promise."""
        promise = next(one for known, one in (*self._always, *self._at_end) if known == name)
        code = getattr(promise, "__code__", None)
        return (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)


def _said(promise: Promise) -> str:
    """Return why a promise is broken, "" if it holds."""
    try:
        held = promise()
    except AssertionError as error:
        return str(error).partition("\n")[0] or "an assertion of it failed"
    except (Exception, SystemExit) as error:
        return words_for(error)
    if held is None or held is True:
        return ""
    plain = isinstance(held, (bool, int, float, str))  # others may show an address
    return f"it returned {held!r}"[:200] if plain else f"it returned a {type(held).__name__}"


def with_promises(target: Target, names: Sequence[str]) -> Target:
    """Return an application with these functions imported, their packages being the user's, too.

    What they keep is put back and told like the application's own state, so that they have to be
    here before anybody looks for that. Raises UserError for a name that is none.
    """
    for name in names:
        promise_named(name)
    homes = dict.fromkeys(name.partition(":")[0].partition(".")[0] for name in names)
    theirs = tuple(home for home in homes if home not in (*target.code, target.module))
    return replace(target, code=(*target.code, *theirs)) if names else target


def promise_named(name: str) -> Promise:
    """Return the function that a person named. Raises UserError if there is none."""
    module_name, colon, path = name.partition(":")
    if not module_name or not colon or not path:
        raise UserError(f"invariant {name!r}: expected MODULE:FUNCTION, for example my_app:check")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # whatever somebody's module raises when it is imported
        raise UserError(f"invariant {name!r}: {words_for(error)}") from None
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UserError(f"invariant {name!r}: {module_name!r} has no function {path!r}")
    if not _is_plain(found):
        raise UserError(
            f"invariant {name!r}: expected a plain function without arguments, neither async nor a "
            "generator nor a class"
        )
    return found  # type: ignore[no-any-return]


def _is_plain(found: Any) -> bool:
    """Whether something is called without arguments, and has done its work when it returns."""
    if inspect.isclass(found) or inspect.iscoroutinefunction(found):
        return False
    if inspect.isgeneratorfunction(found) or inspect.isasyncgenfunction(found):
        return False
    try:
        inspect.signature(found).bind()
    except (TypeError, ValueError):
        return False
    return True
