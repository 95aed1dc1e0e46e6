import pytest

from sim.errors import UserError
from sim.files.keys import key_paths
from sim.files.load import load_data, parse
from sim.files.override import override
from sim.model.scenario import Scenario
from tests.files.documents import INJECTION, SOURCE


def test_key_paths_name_every_key_that_settings_can_reach() -> None:
    paths = key_paths()
    assert len(set(paths)) == len(paths)
    assert {path.split(".")[0] for path in paths} == set(Scenario.model_fields)
    assert {"mode", "window_ms", "clients.messages", "injections.N.delay_ms"} < set(paths)
    assert {"pauses.NAME", "expect.NAME", "handler.poll_ms", "sweep.values"} < set(paths)


@pytest.mark.parametrize("path", key_paths())
def test_every_key_path_is_a_key_that_scenarios_know(path: str) -> None:
    changed = override(parse(INJECTION, SOURCE), [f"{path.replace('N.', '0.')}=@"])
    try:
        load_data(changed, SOURCE)
    except UserError as error:
        unknown = [fault for fault in error.faults if "unknown key" in fault]
        assert bool(unknown) == (path == "pauses.NAME")
