"""Files of clients: what they say is what one would type, and every fault has its line."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.commands.cli import main
from sim.errors import UserError
from sim.files.clients import read_clients
from sim.model.appscript import FORMS
from sim.model.scriptreader import parse

TWO = """\
[[clients]]
path = "/ws/1"
subprotocols = ["chat"]
headers = { cookie = "a=b" }
steps = ["send:hi, you", "on:ping reply:pong", "close"]

[[clients]]
steps = ["hangup:rst"]
"""


def written(folder: Path, text: str) -> str:
    (folder / "clients.toml").write_text(text)
    return str(folder / "clients.toml")


def test_rows_are_what_one_would_type(tmp_path: Path) -> None:
    first, second = read_clients(written(tmp_path, TWO))
    typed = '/ws/1 header:cookie=a=b subprotocol:chat send:"hi, you", on:"ping" reply:"pong", close'
    assert first.typed == typed
    assert parse(typed) == first
    assert second.typed == "hangup:rst"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("close", "cloes", "clients.toml:5: clients.0.steps: step 3, 'cloes': unknown"),
        ('"close"', '"hangup"', ":5: clients.0.steps: step 3, 'hangup': hangup: only as the first"),
        ("headers", "header", ":4: clients.0.header: unknown key; allowed: path, headers"),
        ('"/ws/1"', '"ws/1"', ":2: clients.0.path: expected a path that begins with /, got"),
        ('["hangup:rst"]', "[]", ":8: clients.1.steps: expected 1 or more items"),
        ('["hangup:rst"]', '"rst"', ":8: clients.1.steps: expected a list"),
        ("[[clients]]", "[clients]", "clients.toml:"),
        ('steps = ["hangup:rst"]', "", ":7: clients.1.steps: this key is missing"),
        (TWO, "", "clients: this key is missing"),
        (TWO, "clients = 1", ":1: clients: expected a list"),
    ],
)
def test_every_fault_has_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        read_clients(written(tmp_path, TWO.replace(old, new)))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_or_is_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        read_clients(str(tmp_path / "none.toml"))
    (tmp_path / "raw").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="it is not UTF-8"):
        read_clients(str(tmp_path / "raw"))


@pytest.mark.parametrize("step", ['send:\\"a', 'post:/x \\"a', 'on:\\"a reply:b'])
def test_half_a_json_string_is_a_fault_and_no_traceback(tmp_path: Path, step: str) -> None:
    """It was one: only what is typed on the command line had been looked through for JSON."""
    file = tmp_path / "clients.toml"
    file.write_text(f'[[clients]]\nsteps = ["{step}"]\n')
    with pytest.raises(UserError, match="what begins like a JSON string is none"):
        read_clients(str(file))


def test_the_schema_the_help_and_readme_tell_every_step() -> None:
    schema = json.loads(CliRunner().invoke(main, ["schema", "clients"]).stdout)
    items = schema["$defs"]["ClientRow"]["properties"]["steps"]["items"]
    shown = CliRunner().invoke(main, ["check", "--help"]).stdout
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    for act, (form, about) in FORMS.items():
        assert form in items["description"]
        assert form in shown
        assert about in shown
        assert re.search(rf"`{act}\b", readme)
    for step in ("send:hi", "close", "close:1000", "on:a reply:b"):
        assert re.search(items["pattern"], step)
    assert not re.search(items["pattern"], "sends:hi")
