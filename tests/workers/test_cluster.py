"""A sweep on a real Dask cluster, whose workers come and go: the same rows as here."""

import re
import threading
import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from sim.errors import UserError
from sim.exploration import told
from sim.exploration.inquiry import Inquiry
from sim.exploration.spread import search_in_pieces
from sim.exploration.there import Elsewhere
from sim.files.catalog import open_scenario
from sim.files.documents import STORE
from sim.model.scenario import Scenario
from sim.report.text.reproduce import document_of
from sim.runs.scenario import ScenarioSubject
from sim.store.searches import classes_in, searches_in
from sim.sweep import identity
from sim.sweep.identity import code
from sim.sweep.reproduce import Reproduction, Task, reproduce
from sim.workers import cluster as clusters
from sim.workers.cluster import Cluster, open_cluster
from tests.helpers.dask import DaskCluster, dask_cluster
from tests.helpers.kills import begin, undisturbed

# not importorskip: every process that collects tests would have Dask in it, and look through it
pytestmark = pytest.mark.skipif(
    find_spec("distributed") is None, reason="Dask is not installed (the extra dask)"
)
SMALL = Task("server-close", ("sweep.values=[0, 10]",), trials=20)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), 2) as one:
        yield one


def swept(address: str, task: Task, store: Path | None = None) -> Reproduction:
    return reproduce(task, store, open_workers=partial(open_cluster, Cluster(address), code))


def test_a_cluster_comes_to_the_same_as_this_process(cluster: DaskCluster) -> None:
    assert document_of(swept(cluster.address, SMALL)) == document_of(reproduce(SMALL))


def test_workers_with_other_code_are_refused_before_anything_runs(
    cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "code_of", lambda layers: "wsrace of here")
    with pytest.raises(UserError) as raised, open_cluster(Cluster(cluster.address), code):
        raise AssertionError("it was opened")
    assert len(raised.value.faults) == 2
    for line in raised.value.faults:
        assert re.search(
            r"the worker tcp://\S+ has wsrace \w{16}, starlette .*; here is wsrace of", line
        )


def test_where_no_scheduler_is_that_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_CONNECTS_S", 1)
    with pytest.raises(UserError, match=r"^--dask tcp://127.0.0.1:9: ") as raised:
        swept("tcp://127.0.0.1:9", SMALL)
    assert len(raised.value.faults) == 1
    with pytest.raises(UserError, match="--dask nowhere at all"):
        swept("nowhere at all", SMALL)


def test_a_scheduler_without_workers_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "_CONNECTS_S", 2)
    with dask_cluster(tmp_path, 0) as empty, pytest.raises(UserError, match="it has no workers"):
        swept(empty.address, SMALL)


def test_a_search_on_a_cluster_comes_to_the_same_as_in_this_process(cluster: DaskCluster) -> None:
    opened = open_scenario("server-close", ("end_ms=500",))
    assert isinstance(opened, Scenario)
    subject, inquiry = ScenarioSubject(opened), Inquiry(times="all")

    def nobody(*_: object) -> None:
        """Nobody wants to know."""

    with open_cluster(Cluster(cluster.address), told.code) as workers:
        (there,) = search_in_pieces([subject], inquiry, nobody, makers=Elsewhere(workers))
    (here,) = search_in_pieces([subject], inquiry, nobody)
    assert there.complete
    assert (there.words(), there.outcomes) == (here.words(), here.outcomes)
    assert there.failure is not None
    assert here.failure is not None
    assert there.failure.digest == here.failure.digest


@pytest.mark.slow
def test_a_search_outlives_a_worker_that_is_killed_and_meets_one_that_is_added(
    tmp_path: Path,
) -> None:
    asked = ["explore", "server-close", "--count", "--guard", "pre-fix", "--max-schedules", "20000"]
    with dask_cluster(tmp_path, 2) as one:
        there = begin([*asked, "--dask", one.address, "--out", str(tmp_path / "there")])
        time.sleep(10)
        one.workers[0].kill()
        time.sleep(5)
        one.add_worker()
        _, errors = there.communicate(timeout=600)
        assert there.returncode == 0, errors.decode()
    undisturbed([*asked, "--workers", "2", "--out", str(tmp_path / "here")])
    files = [tmp_path / name / STORE for name in ("there", "here")]
    assert classes_in(files[0]) == classes_in(files[1])
    assert searches_in(files[0]) == searches_in(files[1])


@pytest.mark.slow
def test_a_worker_that_is_killed_and_one_that_is_added_change_nothing(tmp_path: Path) -> None:
    task = Task("server-close", trials=180)  # 20,160 trials
    with dask_cluster(tmp_path, 2) as one:

        def meddle() -> None:
            time.sleep(6)
            one.workers[0].kill()
            time.sleep(3)
            one.add_worker()

        meddler = threading.Thread(target=meddle)
        meddler.start()
        there = swept(one.address, task, tmp_path / "r.sqlite")
        meddler.join()
    assert there.crashes == ()
    assert document_of(there) == document_of(reproduce(task, workers=2))
