"""Stacks are named as in the truth files, and whoever asks for one that is not there is told."""

import platform
import re
from importlib.metadata import PackageNotFoundError

import pytest

import sim.live.stacks
from sim.errors import UserError
from sim.live.stacks import asyncio_runtime, find_installed, none_installed, stack_named
from sim.model.names import RUNTIMES
from sim.model.stacks import STACKS


def test_what_is_installed_says_what_it_is() -> None:
    for stack in find_installed():
        assert stack.name in STACKS
        assert stack.runtime in RUNTIMES
        assert (stack.runtime == "trio") == (stack.name == "hypercorn-trio")
        assert re.fullmatch(r"(uvicorn|hypercorn)-\w+@\d+\.\d+", stack.profile)
        assert re.fullmatch(r"(uvicorn|hypercorn) \d+\.\d+.*", stack.server)
        assert stack.lib.split()[0] in ("websockets", "wsproto")
        assert stack.python == platform.python_version()


def test_asyncio_has_the_hop_up_to_3_11() -> None:
    minor = int(platform.python_version_tuple()[1])
    assert asyncio_runtime() == ("asyncio-3.11" if minor <= 11 else "asyncio-3.12")


def test_an_unknown_stack_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(UserError, match="'gunicorn' is unknown; allowed: uvicorn-websockets, "):
        stack_named("gunicorn")


def test_a_stack_that_is_not_installed_is_answered_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(sim.live.stacks, "version", missing)
    assert find_installed() == ()
    with pytest.raises(UserError, match=r"is not installed \(pip install 'wsrace\[live\]'\)"):
        stack_named("hypercorn-trio")
    assert "wsrace[live]" in str(none_installed())
