"""The application that the markers of a test name.

Not in `collecting`, which loads all that runs scenarios on Trio: a check needs nothing of it.
"""

from typing import TYPE_CHECKING, Any

import pytest

from sim.testing.plugin import REPLAY

if TYPE_CHECKING:
    from sim.testing.app import AppChecker


def app_checker_of(item: pytest.Item) -> "AppChecker":
    """Return what checks the application that the markers of a test name.

    Ends the test with one line for every fault.
    """
    try:
        from sim.testing.app import AppChecker  # it needs a server, which not everybody installs
    except ImportError as error:
        pytest.fail(f"wsrace_app: {error}; pip install 'wsrace[app]'", pytrace=False)
    said: dict[str, Any] = {"app_dir": str(item.config.rootpath)}
    cache = getattr(item.config, "cache", None)  # nobody has one with -p no:cacheprovider
    if cache is not None:
        said["cache"] = str(cache.mkdir("wsrace"))
    for mark in reversed(list(item.iter_markers("wsrace_app"))):
        if len(mark.args) > 1:
            pytest.fail(
                f"marker wsrace_app: only the app goes without a name: {mark.args}", pytrace=False
            )
        said |= {**dict(zip(("app",), mark.args, strict=False)), **mark.kwargs}
    return AppChecker(said, item.config.stash.get(REPLAY, None))
