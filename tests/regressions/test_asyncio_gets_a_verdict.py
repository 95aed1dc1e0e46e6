"""A handler that asks for what no schedule controls has no verdict, whatever it makes of the error.

Handlers that use asyncio were told to be racy: "no running event loop" was taken for their own
failure. The same held for a guard that raises, or that says neither yes nor no: `--guard os:system`
failed in 1,600 of 1,600 runs.
"""

import gc
import os
import shlex
import warnings
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.websockets import WebSocket

from sim.commands.cli import main
from sim.errors import NoAnswer, UserError
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore
from sim.exploration.verdict import Verdict
from sim.model.record import Ending
from sim.model.scenario import Scenario
from sim.runs.own import own_handler
from sim.runs.play import play
from sim.sut.guards import own_guard
from sim.testing.race import Race
from tests.helpers import reported_handlers as handlers

ONE = Scenario.model_validate({"clients": {"messages": 1, "end": "close"}})
ASYNCIO = [
    handlers.with_wait_for,
    handlers.with_create_task,
    handlers.with_sleep,
    handlers.with_a_bare_yield,
    handlers.with_its_own_reference,
    handlers.with_a_queue,
    handlers.with_an_event,
    handlers.with_gather,
    handlers.with_a_swallowed_error,
    handlers.with_a_loop_of_its_own,
    handlers.with_a_future,
    handlers.with_a_task_group,
    handlers.with_an_executor,
]


def line_of(handler: Any, text: str) -> int:
    """Return the number of the line of a handler that holds `text`."""
    lines = Path(handlers.__file__).read_text().splitlines()
    first = handler.__code__.co_firstlineno
    return next(n for n in range(first, len(lines) + 1) if text in lines[n - 1])


@pytest.mark.parametrize("handler", ASYNCIO, ids=lambda one: one.__name__)
def test_a_handler_that_uses_asyncio_is_told_so_with_file_and_line(handler: Any) -> None:
    race = Race(ONE, handler=handler)
    for ask in (race.explore, race.check):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserError) as raised:
                ask()
            gc.collect()  # a coroutine that nobody awaits would be complained of
        text = str(raised.value)
        assert "no verdict: " in text
        assert "used asyncio at " in text
        assert "tests/helpers/reported_handlers.py:" in text
        assert "anyio or trio" in text


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (handlers.with_wait_for, "asyncio.wait_for("),
        (handlers.with_a_bare_yield, "yield_to_the_loop(0)"),
        (handlers.with_its_own_reference, "running_loop()"),
        (handlers.with_a_swallowed_error, "get_running_loop()"),
    ],
)
def test_the_line_is_the_one_that_asks(handler: Any, text: str) -> None:
    with pytest.raises(UserError, match=rf"handlers\.py:{line_of(handler, text)} "):
        Race(ONE, handler=handler).check()


@pytest.mark.parametrize(
    ("handler", "what"),
    [
        (handlers.with_a_thread, "used a thread"),
        (handlers.with_starlettes_thread_pool, "started a thread"),
        (handlers.with_a_process, "started a process"),
        (handlers.with_a_shell, "started a process"),
        (handlers.with_a_socket, "asked the real resolver"),
    ],
)
def test_threads_processes_and_sockets_are_told_in_the_same_way(handler: Any, what: str) -> None:
    with pytest.raises(UserError, match=rf"{what} at .*handlers\.py:\d+ .* put a fake"):
        Race(ONE, handler=handler).check()


def test_who_ends_the_process_has_no_verdict_either() -> None:
    found = explore(ONE, Inquiry(), handler=own_handler(handlers.exiting))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "1 runs ended by failed: SystemExit: 3" in found.words()


def test_a_search_of_it_is_neither_racy_nor_race_free() -> None:
    found = explore(ONE, Inquiry(), handler=own_handler(handlers.with_sleep))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (found.looked, found.failing, found.complete) == (0, 0, False)
    assert found.words().startswith("inconclusive: task 'transport:c1/handler:c1' used asyncio at")


def test_anyio_may_look_which_loop_there_is() -> None:
    assert Race(ONE, handler=handlers.polling).explore().verdict is Verdict.RACE_FREE


def raising(websocket: WebSocket) -> bool:
    raise LookupError("nothing there")


def forgetting(websocket: WebSocket) -> None:
    """Return nothing, as one does who forgets the return."""


async def waiting(websocket: WebSocket) -> bool:
    return True


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (raising, r"raised LookupError: nothing there at tests/regressions/.*\.py:\d+"),
        (forgetting, r"returned NoneType; expected True \(receive\) or False"),
        (waiting, r"returned coroutine; expected True \(receive\) or False"),
        (len, r"returned int; expected True \(receive\) or False"),
        (os.system, r"raised TypeError: expected str, bytes or os.PathLike object"),
    ],
)
def test_a_guard_that_raises_or_says_no_bool_has_no_verdict(check: Any, why: str) -> None:
    scenario = ONE.model_copy(update={"guard": "mine:check"})
    guard = own_guard("mine:check", check)
    found = explore(scenario, Inquiry(), guard)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.failing == 0
    with pytest.raises(NoAnswer, match=why):
        play(scenario, guard=guard)
    race = Race(ONE, guard=check)
    with pytest.raises(UserError, match=rf"no verdict: guard .* {why}"):
        race.check()


@pytest.mark.parametrize(
    "command",
    ["explore server-close --guard os:system", "reproduce server-close --guard os:system"],
)
def test_the_commands_stop_without_an_answer(command: str, tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*shlex.split(command), *out])
    assert done.exit_code == 3
    assert "guard os:system raised TypeError" in done.output
    assert "fail" not in done.stderr


def test_the_ending_says_that_it_was_refused() -> None:
    with pytest.raises(NoAnswer, match=f"^{Ending.REFUSED}: guard mine:check returned NoneType"):
        play(
            ONE.model_copy(update={"guard": "mine:check"}),
            guard=own_guard("mine:check", forgetting),
        )
