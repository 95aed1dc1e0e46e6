from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.errors import UserError
from sim.files import catalog
from sim.model.scenario import Batch, Scenario
from sim.model.times import Draw
from tests.helpers.documents import load

FILES = {
    "blind-spot.toml": (
        "window_ms = 5\nexpect.pre-fix = 'all'\n[clients]\nmessages = 3\ncount = 2\n"
        "[[injections]]\ndo = 'client-close'\nat = 'top'\n"
        "[sweep]\nvalues = [1, 2]\ntrials = 7\n"
    ),
    "healthy.toml": "name = 'all well'\n",
    "grid.toml": "[[include]]\nscenario = 'healthy'\n",
    "broken.toml": "name = 3\n",
    "README.md": "not a scenario",
    "__init__.py": "",
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog of four scenarios, in the place of the shipped one."""
    folder = tmp_path / "scenarios"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    monkeypatch.setattr(catalog, "_folder", lambda: folder)
    return folder


def faults_of(call: Any, *values: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        call(*values)
    return list(caught.value.faults)


def opened(name: str, *changes: str) -> Scenario:
    found = catalog.open_scenario(name, changes)
    assert isinstance(found, Scenario)
    return found


def batch(text: str) -> Batch:
    found = load(text, "grid.toml")
    assert isinstance(found, Batch)
    return found


@pytest.mark.parametrize("name", catalog.names())
def test_every_shipped_scenario_loads_under_its_name(name: str) -> None:
    text, source = catalog.read(name)
    assert source == f"scenarios/{name}.toml"
    found = catalog.open_scenario(name)
    assert found == load(text, source)
    assert found.name == name
    scenarios = catalog.expand(found) if isinstance(found, Batch) else (found,)
    assert scenarios


def test_the_shipped_names_are_those_of_the_files() -> None:
    folder = Path(__file__).parent.parent.parent / "scenarios"
    assert catalog.names() == tuple(sorted(file.stem for file in folder.glob("*.toml")))


def test_scenarios_in_the_package_come_before_those_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = catalog.names()
    monkeypatch.setattr("sim.files.catalog.resources.files", lambda _: tmp_path)
    assert catalog.names() == shipped
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "installed.toml").touch()
    assert catalog.names() == ("installed",)


def test_names_are_sorted_and_only_those_of_toml_files(shelf: Path) -> None:
    assert catalog.names() == ("blind-spot", "broken", "grid", "healthy")


def test_reading_gives_the_text_and_its_source(shelf: Path) -> None:
    assert catalog.read("healthy") == (FILES["healthy.toml"], "scenarios/healthy.toml")


def test_a_name_opens_a_scenario_or_a_batch(shelf: Path) -> None:
    assert opened("blind-spot").clients.messages == 3
    assert opened("blind-spot").name == "blind-spot"
    assert opened("healthy").name == "all well"
    assert isinstance(catalog.open_scenario("grid"), Batch)


@pytest.mark.parametrize("name", ["blindspot", "", "../x", "README", "blind-spot\n"])
def test_an_unknown_name_gives_one_line_with_the_list(shelf: Path, name: str) -> None:
    if "/" in name:
        assert faults_of(catalog.read, name)[0].startswith(f"unknown scenario {name!r}; allowed: ")
        return
    (line,) = faults_of(catalog.open_scenario, name)
    assert line.startswith(f"unknown scenario {name!r}; allowed: blind-spot, broken, grid, healthy")
    assert ("did you mean 'blind-spot'?" in line) == name.startswith("blind")


def test_an_empty_catalog_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_folder", lambda: tmp_path)
    assert catalog.names() == ()
    assert faults_of(catalog.open_scenario, "x") == ["unknown scenario 'x'; allowed: none"]


def test_what_ends_in_toml_or_has_a_separator_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text("title = 'mine'")
    Path("folder").mkdir()
    Path("folder/plain").write_bytes(b"\xef\xbb\xbftitle = 'with a mark'")
    assert opened("own.toml").title == "mine"
    assert opened("own.toml").name == "own"
    assert opened("folder/plain").title == "with a mark"
    assert opened(str(tmp_path / "own.toml")).name == "own"


def test_a_file_that_cannot_be_used_gives_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.toml").write_bytes(b"a = 1\ntitle = '\xe9'\n")
    Path("large.toml").write_bytes(b"#" * (catalog.LIMIT + 1))
    Path("full.toml").write_bytes(b"#" * catalog.LIMIT)
    Path("folder.toml").mkdir()
    lines = {
        "missing.toml": "missing.toml: cannot be read: No such file or directory",
        "folder.toml": "folder.toml: cannot be read: Is a directory",
        "latin.toml": "latin.toml:2: not UTF-8: invalid continuation byte",
        "large.toml": "large.toml: larger than 1048576 bytes, the most that is read",
        "two\nlines.toml": "'two\\nlines.toml': cannot be read: No such file or directory",
        "nul\0.toml": "'nul\\x00.toml': cannot be read: embedded null byte",
    }
    for name, line in lines.items():
        assert faults_of(catalog.open_scenario, name) == [line]
    assert opened("full.toml").name == "full"


def test_faults_of_a_file_name_its_lines(shelf: Path) -> None:
    line = "scenarios/broken.toml:1: name: expected a string, got 3"
    assert faults_of(catalog.open_scenario, "broken", ["mode=x"]) == [line]


def test_settings_change_what_is_opened_and_keep_its_name(shelf: Path) -> None:
    found = opened("blind-spot", "clients.messages=9", "window_ms={uniform=[0,20]}")
    assert found.clients.messages == 9
    assert found.clients.count == 2
    assert found.window_ms == Draw(uniform=(0, 20))
    assert found.name == "blind-spot"
    assert opened("blind-spot", "name=other").name == "other"


def test_faults_that_settings_make_name_the_settings(shelf: Path) -> None:
    (line,) = faults_of(catalog.open_scenario, "blind-spot", ["mode=fatcory", "title=x"])
    assert line == (
        "scenarios/blind-spot.toml with mode=fatcory, title=x: mode: unknown value 'fatcory'; "
        "allowed: main, factory, isolated, legacy; did you mean 'factory'?"
    )
    assert faults_of(catalog.open_scenario, "blind-spot", ["mode", "injections.3.do=x"]) == [
        "setting 'mode': expected KEY=VALUE",
        "setting 'injections.3.do=x': injections is a list of 1, counted from 0; "
        "it has no element 3",
    ]


def test_a_batch_expands_in_order_with_labels_for_names(shelf: Path) -> None:
    found = catalog.expand(
        batch(
            "[[include]]\nscenario = 'healthy'\n"
            "[[include]]\nscenario = 'blind-spot'\n"
            "[[include]]\nscenario = 'blind-spot'\nlabel = 'again'\n"
        )
    )
    assert [scenario.name for scenario in found] == ["all well", "blind-spot", "again"]
    assert found[1] == opened("blind-spot")


def test_sweep_then_set_then_settings_change_an_entry(shelf: Path) -> None:
    made = batch(
        "[sweep]\nvalues = [9]\nunit = 'hops'\n"
        "[[include]]\nscenario = 'blind-spot'\n"
        "[include.set]\nmode = 'factory'\n'clients.messages' = 4\nsweep.unit = 'us'\n"
        "injections.0.delay_ms = 2\nexpect.pre-fix.trio = 'none'\n"
        "[[include]]\nscenario = 'healthy'\n"
    )
    first, second = catalog.expand(made, ["mode=isolated", "clients.count=5"])
    assert (first.sweep.values, first.sweep.trials, first.sweep.unit) == ((9,), 7, "us")
    assert (first.mode, first.clients.messages, first.clients.count) == ("isolated", 4, 5)
    assert first.injections[0].delay_ms == 2
    assert first.expect == {"pre-fix": {"trio": "none"}}
    assert (second.sweep.values, second.sweep.unit, second.mode) == ((9,), "hops", "isolated")
    assert catalog.expand(made)[0].mode == "factory"


def test_all_faults_of_a_batch_come_at_once(shelf: Path) -> None:
    made = batch(
        "[[include]]\nscenario = 'helthy'\n"
        "[[include]]\nscenario = 'grid'\n"
        "[[include]]\nscenario = 'broken'\n"
        "[[include]]\nscenario = 'healthy'\nset = {mode = 'x'}\n"
        "[[include]]\nscenario = 'blind-spot'\nset = {'injections.5.do' = 'x'}\n"
        "[[include]]\nscenario = 'healthy'\nset = {include = []}\n"
        "[[include]]\nscenario = 'healthy'\nset = {include = [{scenario = 'healthy'}]}\n"
    )
    assert faults_of(catalog.expand, made) == [
        "grid: include.0.scenario: unknown scenario 'helthy'; "
        "allowed: blind-spot, broken, grid, healthy; did you mean 'healthy'?",
        "grid: include.1.scenario: 'grid' is itself a batch",
        "scenarios/broken.toml:1: name: expected a string, got 3",
        "scenarios/healthy.toml in grid: include.3: mode: unknown value 'x'; "
        "allowed: main, factory, isolated, legacy",
        "grid: include.4: key 'injections.5.do': injections is a list of 1, "
        "counted from 0; it has no element 5",
        "scenarios/healthy.toml in grid: include.5: include: expected 1 or more items, got []",
        "grid: include.6: a scenario cannot be given the key include",
    ]


def test_a_malformed_setting_is_named_once_for_all_entries(shelf: Path) -> None:
    made = batch("include = [{scenario = 'healthy'}, {scenario = 'blind-spot'}]")
    assert faults_of(catalog.expand, made, ["bad"]) == ["setting 'bad': expected KEY=VALUE"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | st.text().map(str.encode), changes=st.lists(st.text(), max_size=2))
def test_any_file_opens_or_is_a_user_error(
    tmp_path: Path, content: bytes, changes: list[str]
) -> None:
    file = tmp_path / "any.toml"
    file.write_bytes(content)
    with suppress(UserError):
        catalog.open_scenario(str(file), changes)


@given(st.text().filter(lambda name: "/" not in name and not name.endswith(".toml")))
def test_any_name_opens_or_is_one_line(name: str) -> None:
    if name not in catalog.names():
        (line,) = faults_of(catalog.open_scenario, name)
        assert len(line.splitlines()) == 1
