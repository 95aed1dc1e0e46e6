from collections.abc import Iterator, Sequence

import pytest

from sim.errors import UserError
from sim.files.keys import table_at
from sim.files.load import load_data, parse
from sim.files.override import override
from sim.model.scenario import Scenario
from sim.model.times import Draw, Table
from tests.helpers.documents import INJECTION, SOURCE


def key_paths(model: type[Table] = Scenario, *above: str | int) -> Iterator[str]:
    """Every key that the model has, found table by table; the keys of a draw are left out."""
    for name in model.model_fields:
        inner = [(*above, name), (*above, name, 0)]
        tables = [(path, table) for path in inner if (table := table_at(Scenario, path))]
        if not tables or tables[0][1] is Draw:
            yield ".".join(map(str, (*above, name)))
        else:
            path, table = tables[0]
            yield from key_paths(table, *path)


def test_tables_are_found_at_any_depth() -> None:
    paths = set(key_paths())
    assert {path.split(".")[0] for path in paths} == set(Scenario.model_fields)
    assert {"mode", "window_ms", "clients.messages", "injections.0.delay_ms"} < paths
    assert {"pauses", "expect", "handler.poll_ms", "sweep.values"} < paths


@pytest.mark.parametrize("path", tuple(key_paths()))
def test_every_key_of_the_model_is_one_that_scenarios_know(path: str) -> None:
    changed = override(parse(INJECTION, SOURCE), [f"{path}=@"])
    faults: Sequence[str] = ()
    try:
        load_data(changed, SOURCE)
    except UserError as error:
        faults = error.faults
    assert not [fault for fault in faults if "unknown key" in fault]
