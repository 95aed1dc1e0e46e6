"""Replays: the very run again, in other processes too, or a divergence that says where."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice, product
from pathlib import Path
from typing import Any

import pytest

from sim import __version__
from sim.errors import Divergence, UserError
from sim.files.catalog import open_scenario
from sim.files.outside import LARGEST_FILE
from sim.files.recorded import Recorded, plain_scenario
from sim.files.token import TokenBody, body_of, decode
from sim.model.scenario import Scenario
from sim.runs.keep import file_of, read_file, token_of, write_file
from sim.runs.own import import_guard
from sim.runs.play import play
from sim.runs.replay import Allowed, replay, replayed
from sim.runs.scenario import MODES
from sim.runs.source import source_of
from sim.runs.stage import Fidelity
from sim.runs.subject import Record
from sim.schedulers.uniform import Uniform
from sim.sut.chat import Chat

ROOT = Path(__file__).parent.parent.parent
CAREFUL = "def careful(websocket):\n    return True\n"


def one(name: str = "server-close", seed: int = 3, **changes: object) -> Record:
    scenario = open_scenario(name, ("window_ms=8",))
    assert isinstance(scenario, Scenario)
    resolved = scenario.model_copy(update=changes).resolve(seed)
    return play(resolved, Uniform(seed))


def said(scenario: Scenario, version: str) -> dict[str, Any]:
    """Return what tokens and files have in common."""
    return {"wsrace": version, "scenario": plain_scenario(scenario)}


@pytest.mark.parametrize("runtime", ["asyncio-3.11", "trio", "any-order"])
@pytest.mark.parametrize("seed", range(5))
def test_a_token_replays_the_very_run(runtime: str, seed: int) -> None:
    first = one(seed=seed, runtime=runtime)
    again = replay(token_of(first))
    assert again.digest == first.digest
    assert again.events == first.events
    assert again.outcome == first.outcome


def test_a_run_on_the_wire_fidelity_replays_too() -> None:
    scenario = open_scenario("healthy", ("clients.messages=1",))
    assert isinstance(scenario, Scenario)
    first = play(scenario, Uniform(1), Fidelity.WIRE)
    assert replay(token_of(first)).digest == first.digest


@pytest.mark.parametrize("fidelity", Fidelity)
@pytest.mark.parametrize("times", ["fixed", "all"])
def test_a_file_replays_the_very_run(tmp_path: Path, fidelity: Fidelity, times: Any) -> None:
    scenario = open_scenario("server-close", ("window_ms=8", "runtime=any-order"))
    assert isinstance(scenario, Scenario)
    first = play(scenario.resolve(3), Uniform(3), fidelity, untimed=times == "all")
    path = tmp_path / "one.race.json"
    write_file(path, file_of(first, counterexample={"why": "it fails"}))
    again = replayed(read_file(path))
    assert again.record.events == first.events
    assert again.record.schedule == first.schedule
    assert again.same_trace
    assert again.recorded_digest == first.digest
    assert replay(token_of(first)).digest == first.digest


def digests_elsewhere(runs: Sequence[str], hash_seed: int) -> list[str]:
    """Return the digests of tokens and files, replayed in a new process."""
    code = (
        "import sys, sim\nfrom sim.runs.keep import read_file\n"
        "for run in sys.argv[1:]:\n"
        "    print(sim.replay(read_file(run) if run.endswith('.json') else run).digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *runs],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return done.stdout.split()


def test_tokens_and_files_replay_in_a_new_process_with_another_hash_seed(tmp_path: Path) -> None:
    records = [one(seed=seed, runtime="any-order") for seed in range(5)]
    paths = [str(tmp_path / f"{number}.race.json") for number in range(5)]
    for path, record in zip(paths, records, strict=True):
        write_file(path, file_of(record))
    digests = digests_elsewhere([*map(token_of, records), *paths], hash_seed=4711)
    assert digests == [record.digest for record in records] * 2


def failing() -> Iterator[Record]:
    """Yield failing runs, no two alike, of several scenarios and guards in orders of their own."""
    scenarios = ("server-close", "blind-spot", "wait-for-hop", "server-shutdown")
    cells = list(product(scenarios, ("none", "pre-fix", "post-fix", "both-states")))
    free = ("runtime=any-order", "hop=true", "window_ms=8", "clients.jitter_ms=1")
    seen = set()
    for seed in count():
        name, guard = cells[seed % len(cells)]
        scenario = open_scenario(name, (*free, f"guard={guard}"))
        assert isinstance(scenario, Scenario)
        record = play(scenario.resolve(seed), Uniform(seed))
        if record.outcome.failed and record.digest not in seen:
            seen.add(record.digest)
            yield record


@pytest.mark.slow
def test_200_failing_runs_replay_in_new_processes(tmp_path: Path) -> None:
    records = list(islice(failing(), 200))
    assert len({record.scenario.guard for record in records}) >= 3
    assert len({record.scenario.name for record in records}) >= 3
    assert sum(len(record.schedule) for record in records) > 2000
    for batch in range(0, 200, 50):
        part = records[batch : batch + 50]
        paths = [str(tmp_path / f"{number}.race.json") for number in range(50)]
        for path, record in zip(paths, part, strict=True):
            write_file(path, file_of(record))
        digests = digests_elsewhere([*map(token_of, part), *paths], hash_seed=batch + 1)
        assert digests == [record.digest for record in part] * 2


# -- what differs --------------------------------------------------------------------------------


def forms(record: Record) -> dict[str, Recorded]:
    """Every form in which a run is kept."""
    token = decode(token_of(record))
    return {
        "file": file_of(record),
        "token": token,
        "token without marks": token.model_copy(update={"marks": None}),
    }


FORMS = ["file", "token", "token without marks"]


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what adds a log line to the code under test."""

    async def talkative(chat: Chat) -> None:
        chat.runtime.log("info", "one more line")
        await original(chat)

    original = MODES["main"]
    return lambda: monkeypatch.setitem(MODES, "main", talkative)


@pytest.mark.parametrize("form", FORMS)
def test_after_an_edit_that_changes_no_choice_a_run_replays_and_says_so(
    form: str, edited: Callable[[], None]
) -> None:
    first = one(runtime="any-order")
    kept = forms(first)[form]
    edited()
    again = replayed(kept)
    assert not again.same_trace
    assert again.recorded_digest == first.digest != again.record.digest
    assert again.record.outcome == first.outcome
    assert len(again.record.events) == len(first.events) + 1
    assert replay(kept).digest == again.record.digest


def test_a_token_of_the_first_version_holds_the_trace_to_its_digest(
    edited: Callable[[], None],
) -> None:
    record = one()
    old = body_of(said(record.scenario, "0.0.9"), record.schedule, record.digest)
    assert replay(old).digest == record.digest
    edited()
    with pytest.raises(Divergence, match=rf"the trace differs: expected digest {old.digest[:12]}"):
        replay(old)


def test_another_digest_is_a_divergence_that_names_the_versions() -> None:
    record = one()
    body = body_of(said(record.scenario, "0.0.9"), record.schedule, "0" * 64)
    with pytest.raises(Divergence, match=rf"made by wsrace 0\.0\.9, this is {__version__}"):
        replay(body)


def test_another_outcome_is_a_divergence_that_names_both() -> None:
    record = one()
    token = decode(token_of(record)).model_copy(update={"outcome": "returned"})
    with pytest.raises(
        Divergence, match=r"the outcome differs: expected returned, met need_accept_first$"
    ):
        replay(token)
    file = file_of(record)
    for what, said in (
        ({"classes": ("returned",)}, r"expected returned \(failed, 0 lost\), met need_accept"),
        ({"failed": False}, r"\(not failed, 0 lost\), met need_accept_first \(failed, 0 lost\)"),
        ({"lost": 3}, r"need_accept_first \(failed, 3 lost\), met need_accept_first"),
    ):
        other = file.outcome.model_copy(update=what)
        with pytest.raises(Divergence, match=said):
            replay(file.model_copy(update={"outcome": other}))


def test_other_choices_are_a_divergence_that_says_where() -> None:
    record = one(runtime="any-order")
    body = body_of(said(record.scenario, __version__), record.schedule, record.digest)
    bare = body.model_copy(update={"marks": None})
    with pytest.raises(Divergence, match="expected 100 choices, met"):
        replay(bare.model_copy(update={"choices": 100}))
    with pytest.raises(Divergence, match="choice 0: expected the end of the run, met step choice"):
        replay(bare.model_copy(update={"choices": 0, "deviations": ()}))
    with pytest.raises(Divergence, match="choice 0: expected at least 100 options"):
        replay(body.model_copy(update={"deviations": ((0, 99),)}))


@pytest.mark.parametrize("at", [0, 1])
def test_another_question_is_a_divergence_at_its_choice(at: int) -> None:
    record = one(runtime="any-order")
    file = file_of(record)
    row = file.schedule[at].model_copy(update={"asker": "somebody"})
    rows = (*file.schedule[:at], row, *file.schedule[at + 1 :])
    with pytest.raises(
        Divergence, match=rf"choice {at}: expected step choice by somebody among .*, met step"
    ):
        replay(file.model_copy(update={"schedule": rows}))
    choices = tuple(one.choice() for one in rows)
    body = body_of(said(record.scenario, __version__), choices, record.digest)
    with pytest.raises(Divergence, match=rf"choice {at}: expected a question with mark"):
        replay(body)


# -- guards of one's own -------------------------------------------------------------------------


def test_a_guard_of_ones_own_runs_only_if_a_person_names_it() -> None:
    record = one()
    foreign = record.scenario.model_copy(update={"guard": "os:system"})
    body = body_of(said(foreign, __version__), record.schedule, record.digest)
    with pytest.raises(UserError, match="runs only if you name it: --guard os:system"):
        replay(body)
    with pytest.raises(Divergence, match="the token's guard is 'os:system', not 'os:popen'"):
        replay(body, guard="os:popen")
    file = file_of(record).model_copy(update={"scenario": foreign})
    with pytest.raises(UserError, match="runs only if you name it: --guard os:system"):
        replay(file)
    with pytest.raises(Divergence, match="the file's guard is 'os:system', not 'os:popen'"):
        replay(file, guard="os:popen")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what writes the module `replayed_guard`, to be imported anew."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(text: str) -> None:
        (tmp_path / "replayed_guard.py").write_text(text)
        monkeypatch.delitem(sys.modules, "replayed_guard", raising=False)

    return write


def recorded(own: Callable[[str], None]) -> Record:
    own(CAREFUL)
    name = "replayed_guard:careful"
    scenario = one(guard="none").scenario.model_copy(update={"guard": name})
    return play(scenario, Uniform(3), guard=import_guard(name))


@pytest.mark.parametrize("form", FORMS)
def test_a_guard_of_ones_own_may_be_edited(form: str, own: Callable[[str], None]) -> None:
    first = recorded(own)
    kept = forms(first)[form]
    assert kept.guard_source
    own(CAREFUL.replace("websocket", "ws") + "# a comment\n")
    assert replayed(kept, Allowed("replayed_guard:careful")).same_trace
    assert not (source_of("replayed_guard:careful") or "").startswith(kept.guard_source)


@pytest.mark.parametrize("form", FORMS)
def test_a_divergence_hints_at_an_edited_guard(form: str, own: Callable[[str], None]) -> None:
    kept = forms(recorded(own))[form]
    own(CAREFUL.replace("True", "False"))
    hint = "the module of guard replayed_guard:careful was edited since"
    with pytest.raises(Divergence, match=f"; {re.escape(hint)}$"):
        replay(kept, "replayed_guard:careful")


def test_only_a_guard_of_ones_own_has_a_source(own: Callable[[str], None]) -> None:
    first = recorded(own)
    assert re.fullmatch("[0-9a-f]{64}", file_of(first).guard_source or "")
    for name in ("pre-fix", "replayed_guard", "no_such_module_anywhere:x", "sys:exit", ":", ""):
        assert source_of(name) is None
    assert "no_such_module_anywhere" not in sys.modules


# -- files ---------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    race = file_of(one())
    path = tmp_path / "one.race.json"
    write_file(path, race)
    before = path.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["one.race.json"]
    bad = race.model_copy(update={"counterexample": {"x": float("nan")}})
    with pytest.raises(UserError, match="NaN is no number"):
        write_file(path, bad)
    huge = race.model_copy(update={"counterexample": {"x": "y" * LARGEST_FILE}})
    with pytest.raises(UserError, match="larger than 16 MiB"):
        write_file(path, huge)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["one.race.json"]
    write_file(str(path), race.model_copy(update={"property": "agreement"}))
    assert json.loads(path.read_bytes())["property"] == "agreement"


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    race = file_of(one())
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "nowhere" / "x.race.json"):
        with pytest.raises(UserError, match=f"{path.name}: cannot be written: "):
            write_file(path, race)
    assert [item.name for item in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["none", "", "x" * 300, "a\0b"])
def test_a_file_that_is_none_is_one_clear_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / name)
    (line,) = caught.value.faults
    assert line.isprintable()
    assert "there is no such file" in line or "cannot be read" in line


def test_a_file_is_not_read_beyond_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "huge.race.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match=r"huge\.race\.json: it is larger than 16 MiB"):
        read_file(path)


def test_one_and_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_file(tmp_path / name, file_of(one(runtime="any-order")))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tokens_and_files_tell_what_they_were_asked_for() -> None:
    record = play(one().scenario, untimed=True)
    token = decode(token_of(record, "agreement"))
    file = file_of(record, "agreement")
    assert isinstance(token, TokenBody)
    for kept in (token, file):
        assert (kept.times, kept.property, kept.fidelity) == ("all", "agreement", "asgi")
        assert (kept.digest, kept.wsrace) == (record.digest, __version__)
    assert token.outcome == record.outcome.label
