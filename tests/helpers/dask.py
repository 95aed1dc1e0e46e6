"""A real Dask cluster on the loopback: a scheduler and its workers, each a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_ENDS_S = 10


class DaskCluster:
    """A scheduler, and the workers that were started for it."""

    def __init__(self, folder: Path, *options: str, scheme: str = "tcp") -> None:
        """Start the scheduler. folder: for files of Dask's. options: for scheduler and workers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"{scheme}://127.0.0.1:{port}"
        self._folder, self._options = folder, options
        self.workers: list[subprocess.Popen[bytes]] = []
        where = ("--host", self.address.rpartition(":")[0], "--port", str(port))
        self._scheduler = self._start("dask_scheduler", *where, "--no-show")
        self._wait_for(port)

    def add_worker(self) -> "subprocess.Popen[bytes]":
        """Start one more worker, which nobody replaces when it is gone."""
        process = self._start("dask_worker", self.address, "--no-nanny", "--nthreads", "1")
        self.workers.append(process)
        return process

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait(_ENDS_S)

    def _start(self, module: str, *args: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.{module}", *args]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return subprocess.Popen(
            [*command, "--no-dashboard", *self._options],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @staticmethod
    def _wait_for(port: int) -> None:
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.1)
        raise AssertionError("no scheduler within 30 s")


@contextmanager
def dask_cluster(folder: Path, workers: int, *options: str) -> Iterator[DaskCluster]:
    """A cluster with so many workers."""
    cluster = DaskCluster(folder, *options)
    try:
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.close()
