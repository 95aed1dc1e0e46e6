"""A failure of a handler of one's own comes with its cause, its lines, a token and a page.

`WebSocketEndpoint.dispatch` receives once more after an on_connect that read to the end
(Kludex/starlette issue 2617). It was found at once on all servers, and nothing was said of why.
"""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.commands.cli import main
from sim.exploration.counterexample import counterexample
from sim.exploration.verdict import Verdict
from sim.kernel.lines import place_of
from sim.model.scenario import Scenario
from sim.runs.replay import replay
from sim.testing.race import Race
from tests.helpers import reported_handlers as handlers
from tests.helpers.written import project

SERVERS = [
    "uvicorn-sansio@0.54",
    "uvicorn-websockets@0.54",
    "uvicorn-wsproto@0.54",
    "hypercorn-asyncio@0.18",
]
SCRIPT = ["connect", {"send": "{}"}, "close"]
NAME = f"{handlers.__name__}:reading_twice"


def line(text: str) -> int:
    lines = Path(handlers.__file__).read_text().splitlines()
    return next(number for number, one in enumerate(lines, 1) if one.strip().startswith(text))


READS, DISPATCHES = "async for _ in websocket.iter_json", "await Room("


@pytest.mark.parametrize("server", SERVERS)
def test_the_cause_is_told_with_the_lines_of_the_handler(server: str) -> None:
    scenario = Scenario.model_validate({"clients": {"script": SCRIPT}, "server": server})
    found = Race(scenario, handler=handlers.reading_twice).explore()
    assert (found.verdict, set(found.outcomes)) == (Verdict.ALWAYS, {"receive_after_disconnect"})
    example = counterexample(found)
    assert example is not None
    why = example.explanation
    assert why.use is not None
    assert why.writer is not None
    assert why.use.state == why.writer.state == "client_state"
    assert why.raised == why.use.caller == f"{handlers.__name__}:{line(DISPATCHES)}"
    assert why.writer.caller == f"{handlers.__name__}:{line(READS)}"
    assert why.writer.task.endswith("handler:c1/reader")
    assert f"tests/helpers/reported_handlers.py:{line(READS)}" in why.sentence(place_of)
    assert replay(example.token, handler=NAME).digest == example.record.digest


TOML = f"""
server = "{SERVERS[0]}"
[clients]
script = ["connect", {{ send = "{{}}" }}, "close"]
"""


def test_the_command_tells_it_replays_it_and_makes_a_page_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "twice.toml").write_text(TOML)
    run = CliRunner().invoke
    out = tmp_path / "found"
    told = run(main, shlex.split(f"explore {tmp_path}/twice.toml --handler {NAME} --out {out}"))
    words = " ".join(told.stdout.split())
    assert "fails in every schedule at these times" in words
    assert f"it rose at tests/helpers/reported_handlers.py:{line(DISPATCHES)}" in words
    (again,) = re.findall(r"^  wsrace (replay .*)$", told.stdout, re.MULTILINE)
    replayed = run(main, shlex.split(again))
    assert replayed.exit_code == 0, replayed.output
    assert "outcome: receive_after_disconnect" in replayed.stdout
    page = tmp_path / "page.html"
    made = run(main, shlex.split(f"report {out} --handler {NAME} -o {page}"))
    assert made.exit_code == 0, made.output
    text = page.read_text()
    assert "async for _ in websocket.iter_json" in text  # its own source beside the steps
    assert "receive_after_disconnect" in text


THEIRS = f"""
import anyio
import pytest
from sim import Scenario
from starlette.endpoints import WebSocketEndpoint

ONE = Scenario.model_validate({{"clients": {{"script": {SCRIPT!r}}}}})


class Room(WebSocketEndpoint):
    encoding = "json"

    async def on_connect(self, websocket):
        await websocket.accept()
        async for _ in websocket.iter_json():
            pass


async def handler(websocket):
    await Room(websocket.scope, websocket._receive, websocket._send)


@pytest.mark.wsrace(ONE, handler=handler)
def test_room(race):
    race.check()


@pytest.mark.wsrace(ONE, handler="test_races:handler")
def test_room_by_name(race):
    race.check()


@pytest.mark.wsrace(ONE, guard="catch")
def test_ours(race):
    race.check()
"""


def test_pytest_tells_it_and_replays_its_token(pytester: pytest.Pytester) -> None:
    project(pytester, test_races=THEIRS)
    result = pytester.runpytest_subprocess("-k", "test_room", "--tb=short")
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    raising = next(n for n, one in enumerate(THEIRS.splitlines(), 1) if "await Room(" in one)
    assert f"receive_after_disconnect at test_races.py:{raising}: " in text
    assert "which transport:c1/handler:c1 had written (test_races.py:" in text
    token = re.search(r"--wsrace-replay (wsr1\S+)", text)
    assert token is not None
    again = pytester.runpytest_subprocess("--wsrace-replay", token[1], "--tb=short")
    again.stdout.fnmatch_lines(["*replaying *handler test_races:handler*"])
    again.assert_outcomes(failed=1, deselected=2)
