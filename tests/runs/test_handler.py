"""A handler of somebody's own is a subject like any other: same classes, reasons, tokens, files."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sim.commands.cli import main as wsrace
from sim.errors import Divergence, UserError
from sim.exploration.counterexample import counterexample
from sim.exploration.inquiry import Inquiry
from sim.exploration.search import explore, search
from sim.exploration.verdict import Exploration, Verdict
from sim.kernel.lines import place_of
from sim.kernel.series import run_search
from sim.model.record import End
from sim.model.scenario import Handler, Scenario, Setup
from sim.runs.handler import HandlerSubject
from sim.runs.keep import file_of, token_of
from sim.runs.own import OwnHandler, import_handler, own_handler
from sim.runs.play import play
from sim.runs.replay import Allowed, replay, replayed
from sim.runs.scenario import ScenarioSubject
from sim.runtimes.port import TrioRuntime, has_hop
from sim.schedulers.fifo import Fifo
from sim.schedulers.past import class_of
from sim.server.observed import CONNECTION, NOTES
from sim.sut.chat import Chat
from sim.sut.guards import GUARDS
from sim.sut.modes.main import main

ROOT = Path(__file__).parent.parent.parent
CONNECTED = WebSocketState.CONNECTED
SCRIPT = ["connect", {"wait": 1}, {"send": '{"type": "chat"}'}, {"sleep": 10_000}, {"close": 1000}]


async def main_mode(websocket: WebSocket) -> None:
    """Our main mode, as somebody would hand it in."""
    nursery = trio.lowlevel.current_task().parent_nursery
    assert nursery is not None
    name, world = websocket.scope[CONNECTION], websocket.scope[NOTES]
    runtime = TrioRuntime(world, name, nursery, has_hop("asyncio-3.11"), {}, lambda _: None)
    chat = Chat(websocket, runtime, GUARDS["pre-fix"], "report", Handler(), Setup())
    runtime.probe("connecting")
    await main(chat)


async def by_hand(websocket: WebSocket) -> None:
    """The race of the report, written out: check, await something, receive."""
    await websocket.accept()
    while websocket.client_state is CONNECTED:
        await trio.sleep(0.005)
        await websocket.send_text(await websocket.receive_text())


async def careful_by_hand(websocket: WebSocket) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):
        await by_hand(websocket)


def closed_at(ms: float, **keys: Any) -> Scenario:
    data = {
        "end_ms": 1000,
        "clients": {"script": SCRIPT},
        "injections": [{"do": "server-close", "time_ms": ms}],
    }
    return Scenario.model_validate({**data, **keys})


def subject(handler: Any, scenario: Scenario) -> HandlerSubject:
    own = own_handler(handler)
    return HandlerSubject(scenario, tellable=own.importable, own=own)


# -- the same as ours ----------------------------------------------------------------------------


def classes(of: ScenarioSubject, untimed: bool) -> tuple[set[object], set[str]]:
    """Return the classes of schedules, and the outcomes."""
    (settled,) = of.variants("all" if untimed else "fixed")
    found: set[object] = set()
    labels: set[str] = set()

    def on_end(end: End) -> None:
        found.add(class_of(end.trace_steps, end.schedule))
        labels.add(settled.judge(end).label)

    job = settled.job(Fifo()).recording()
    assert run_search(job, Inquiry().search(0, job.in_batches), on_end, 20_000).complete
    return found, labels


@pytest.mark.parametrize("ms", [1, 4, 12])
def test_our_main_mode_has_the_same_classes_handed_in_as_explored(ms: float) -> None:
    scenario = closed_at(ms, guard="pre-fix")
    ours = classes(ScenarioSubject(scenario), untimed=False)
    theirs = classes(subject(main_mode, scenario), untimed=False)
    assert theirs == ours
    assert len(ours[0]) > 1


@pytest.mark.slow
def test_our_main_mode_has_the_same_classes_handed_in_whatever_the_times() -> None:
    scenario = closed_at(4, guard="pre-fix")
    ours = classes(ScenarioSubject(scenario), untimed=True)
    assert classes(subject(main_mode, scenario), untimed=True) == ours


@pytest.mark.parametrize("ms", [2, 8, 30])
@pytest.mark.parametrize("runtime", ["asyncio-3.12", "trio", "any-order"])
def test_the_race_written_by_hand_has_the_verdict_and_the_outcomes_of_ours(
    runtime: str, ms: float
) -> None:
    keys = {
        "runtime": runtime,
        "mode": "legacy",
        "guard": "pre-fix",
        "window_ms": 5,
        "setup": {"greets": False},
        "handler": {"sends": 1, "work_ms": 0, "top_reads_machine": False},
        "clients": {"script": ["connect", {"send": "{}"}, "silent"]},
    }
    scenario = closed_at(ms, **keys)
    ours = search(ScenarioSubject(scenario), Inquiry())
    theirs = search(subject(by_hand, scenario), Inquiry())
    assert (theirs.verdict, set(theirs.outcomes)) == (ours.verdict, set(ours.outcomes))
    assert theirs.complete


@lru_cache
def racy() -> Exploration:
    scenario = closed_at(8, clients={"messages": 1, "end": "silent"}, runtime="asyncio-3.12")
    return search(subject(by_hand, scenario), Inquiry(times="all", max_schedules=40))


# -- what ours have ------------------------------------------------------------------------------


def test_its_failure_is_made_small_explained_and_set_beside_a_passing_run() -> None:
    found = racy()
    assert found.verdict is Verdict.RACY
    example = counterexample(found)
    assert example is not None
    why = example.explanation
    assert why.raised == f"{__name__}:{line_of('await websocket.send_text(')}"
    assert why.use is not None
    assert why.writer is not None
    assert (why.use.state, why.use.caller) == ("application_state", why.raised)
    assert why.writer.task.endswith("/server-close")
    assert why.check is not None
    assert why.check.where == f"{__name__}:{line_of('while websocket.client_state')}"
    assert why.sentence().endswith("the handler looks at other state than the one it is to protect")
    assert example.parting is not None
    assert example.least
    assert len(example.record.scenario.injections) == 1


def line_of(text: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text))


def test_lines_are_shown_as_files() -> None:
    example = counterexample(racy())
    assert example is not None
    said = example.explanation.sentence(place_of)
    assert f"it rose at tests/runs/test_handler.py:{line_of('await websocket.send_text(')}" in said
    assert "in starlette.websockets:" in said


def test_its_token_and_its_file_replay_if_a_person_names_it() -> None:
    record = counterexample(racy()).record  # type: ignore[union-attr]
    name = f"{__name__}:by_hand"
    for kept in (token_of(record), file_of(record)):
        assert replay(kept, handler=name).events == record.events
        with pytest.raises(UserError, match=f"runs only if you name it: --handler {name}"):
            replay(kept)
        with pytest.raises(Divergence, match=r"handler is another one: it 'tests\.runs"):
            replay(kept, handler="os:getcwd")


def test_its_token_replays_in_a_new_process() -> None:
    record = counterexample(racy()).record  # type: ignore[union-attr]
    code = "import sys, sim\nprint(sim.replay(sys.argv[1], handler=sys.argv[2]).digest)"
    done = subprocess.run(
        [sys.executable, "-c", code, token_of(record), f"{__name__}:by_hand"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == record.digest


def test_a_run_of_ours_names_no_handler() -> None:
    token = token_of(play(Scenario()))
    with pytest.raises(Divergence, match="it has no handler of its own"):
        replayed(token, Allowed(handler=f"{__name__}:by_hand"))


# -- the command ---------------------------------------------------------------------------------

TOML = """
runtime = "asyncio-3.12"
[clients]
messages = 1
end = "silent"
[[injections]]
do = "server-close"
{when}
"""


IMPORTS = """
import trio
from contextlib import suppress
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

CONNECTED = WebSocketState.CONNECTED
"""
RACY = "explore s.toml --times all --max-schedules 40 --handler their_app:by_hand"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a scenario and an application in it, in which somebody stands."""
    (tmp_path / "s.toml").write_text(TOML.format(when="time_ms = 8"))
    (tmp_path / "p.toml").write_text(TOML.format(when='at = "validated"'))
    text = Path(__file__).read_text()
    start, end = text.index("async def by_hand"), text.index("def closed_at")
    (tmp_path / "their_app.py").write_text(IMPORTS + text[start:end])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in ("", str(tmp_path))])
    yield tmp_path
    sys.modules.pop("their_app", None)


def ran(command: str) -> Any:
    return CliRunner().invoke(wsrace, shlex.split(command))


def test_the_command_finds_the_application_in_the_folder_where_one_stands(here: Path) -> None:
    done = ran(RACY)
    assert done.exit_code == 0, done.output
    assert "their_app:by_hand: racy" in done.stdout
    assert "it rose at their_app.py:" in " ".join(done.stdout.split())
    assert "--handler their_app:by_hand" in done.stdout


def test_what_it_prints_can_be_typed(here: Path) -> None:
    done = ran(f"{RACY} --out found")
    again = next(line for line in done.stdout.splitlines() if "wsrace replay" in line)
    replayed_run = ran(again.strip().removeprefix("wsrace "))
    assert replayed_run.exit_code == 0, replayed_run.output
    assert "handler their_app:by_hand" in replayed_run.stdout
    assert "(as recorded)" in replayed_run.stdout
    (file,) = (here / "found").glob("*.race.json")
    of_file = ran(f"replay {file} --handler their_app:by_hand --format columns")
    assert of_file.exit_code == 0, of_file.output


def test_its_document_names_it(here: Path) -> None:
    command = "explore s.toml --handler their_app:by_hand --handler their_app:careful_by_hand"
    rows = json.loads(ran(f"{command} --json").stdout)["guards"]
    assert [row["handler"] for row in rows] == [
        "their_app:by_hand",
        "their_app:careful_by_hand",
    ]


def test_an_audit_of_it_is_made(here: Path) -> None:
    command = "explore s.toml --handler their_app:careful_by_hand --set runtime=any-order --audit"
    (row,) = json.loads(ran(f"{command} --json").stdout)["guards"]
    assert row["audit"]["differences"] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("explore p.toml --handler their_app:by_hand", "injections.0.at: 'validated' is a probe"),
        ("explore s.toml --handler their_app:nothing", "'their_app' has no 'nothing'"),
        ("explore s.toml --handler nosuch:thing", "cannot import 'nosuch'"),
        ("explore s.toml --handler their_app", "expected MODULE:NAME"),
        ("explore s.toml --handler their_app:CONNECTED", "expected an async function"),
        ("explore s.toml --handler their_app:by_hand --guard catch", "ask for one of both"),
        ("explore s.toml --factory", "--factory: it says what the names of --handler stand for"),
        ("explore s.toml --handler their_app:by_hand --property completes", "our chat turns"),
    ],
)
def test_what_cannot_be_asked_is_exit_status_2_and_one_line(
    here: Path, command: str, said: str
) -> None:
    done = ran(command)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("wsrace: ")
    assert said in line


# -- what it is ----------------------------------------------------------------------------------


def test_a_factory_makes_one_for_each_run() -> None:
    made: list[int] = []

    def make() -> Any:
        made.append(1)
        return by_hand

    own = OwnHandler("mine:make", make, factory=True, importable=False)
    scenario = closed_at(8)
    found = explore(scenario, Inquiry(), handler=own)
    assert len(made) >= found.schedules


@pytest.mark.parametrize("name", ["", "x", "os:", ":x", "tests.runs.test_handler:Path.nothing"])
def test_a_name_that_is_none_is_told(name: str) -> None:
    with pytest.raises(UserError):
        import_handler(name)


def test_a_handler_that_is_called_but_cannot_be_awaited_has_no_verdict() -> None:
    class Wrong:
        def __call__(self, websocket: WebSocket) -> int:
            return 1

    found = search(subject(Wrong(), closed_at(8)), Inquiry())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "returned int, which cannot be awaited" in found.refusal
