"""What people read of an error: their own frames, and none of ours."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sim.errors import Divergence, UserError

P = ParamSpec("P")
T = TypeVar("T")


def hide_frames(call: Callable[P, T]) -> Callable[P, T]:
    """Let what `call` says to the user come without the frames of ours in between."""

    @wraps(call)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return call(*args, **kwargs)
        except (AssertionError, UserError, Divergence) as error:
            if type(error) is AssertionError:  # an invariant of ours, and no verdict
                raise
            raise error.with_traceback(None) from None

    return called
