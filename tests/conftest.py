"""What pytest offers to all tests: `pytester`, which runs pytest itself in a folder of its own.

Hypothesis has no deadline for an example: how fast a machine is, or how busy, is no failure.
pytest-asyncio is here for the tests beside it alone, and warns wherever it is not set up.
"""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]
os.environ["WSRACE_CACHE"] = "none"  # no check of one test finds what another one has kept
settings.register_profile(
    "any-speed",
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("any-speed")


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return what runs pytest itself, without pytest-asyncio."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio")
    return pytester


_least = 0
"""Objects that were left after the last collection."""


@pytest.fixture(scope="module", autouse=True)
def small_process() -> Iterator[None]:
    """Keep what tests leave behind from piling up.

    A check of an application looks through all that lives, and the collector seldom through what is
    old: in a process of two million objects a check took five times as long as in a fresh one.
    """
    global _least
    yield
    if len(gc.get_objects()) > 1.25 * _least:
        gc.collect()
        _least = len(gc.get_objects())
