"""The workers of a Dask cluster, behind the same seam as processes here.

Dask schedules, balances, restarts and retries; what it is asked to run is one importable function's
name and a string of JSON. Its workers need wsrace, and a guard of somebody's own if one is swept.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sim.errors import UserError
from sim.workers.pool import WorkerLost
from sim.workers.seam import Workers

_CONNECTS_S = 15
"""How long to try to reach the scheduler."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the scheduler is.

    ca, certificate, key: files for TLS, None for what Dask's own configuration says.
    """

    address: str
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@contextmanager
def open_cluster(cluster: Cluster, code: Callable[[], str]) -> Iterator[Workers]:
    """Connect to a cluster. Raises UserError if there is none, or if its workers are other ones.

    code: returns what code and libraries a process has. Every piece of work says what code it is
    from, so that workers that come later are checked, too.
    """
    try:
        import distributed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise UserError("--dask: needs Dask: pip install 'wsrace[dask]'") from None
    client = _connect(distributed, cluster)
    try:
        _check_workers(client, cluster.address, code)
        # not pure: what is asked again is to be done again
        executor = client.get_executor(pure=False)
        lost = (WorkerLost, KilledWorker, CancelledError, OSError)  # the last: of the scheduler
        yield Workers(executor, lambda: _count(client), lost=lost)
    finally:
        client.close()


def _count(client: Any) -> int:
    """Return how many workers there are; one where nobody can say: work that is lost says so."""
    try:
        return len(client.nthreads())
    except (OSError, RuntimeError, TypeError):
        return 1


def _connect(distributed: Any, cluster: Cluster) -> Any:
    """Return a client of a cluster. Raises UserError if nobody answers there."""
    given = {
        "tls_ca_file": cluster.ca,
        "tls_client_cert": cluster.certificate,
        "tls_client_key": cluster.key,
    }
    tls = {name: value for name, value in given.items() if value is not None}
    try:
        security = distributed.Security(require_encryption=True, **tls) if tls else None
        return distributed.Client(
            cluster.address, timeout=_CONNECTS_S, security=security, set_as_default=False
        )
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"--dask {cluster.address}: {why}") from None


def _check_workers(client: Any, address: str, code: Callable[[], str]) -> None:
    """Raise UserError if there are no workers, or if what they do would come to something else."""
    try:
        client.wait_for_workers(1, timeout=_CONNECTS_S)
    except (TimeoutError, OSError):
        raise UserError(f"--dask {address}: it has no workers") from None
    try:
        found: dict[str, str] = client.run(code)
    except Exception as error:
        raise UserError(
            f"--dask {address}: a worker cannot say what it has: {type(error).__name__}: {error}; "
            "each of them needs this wsrace"
        ) from None
    here = code()
    faults = [
        f"--dask {address}: the worker {worker} has {there}; here is {here}"
        for worker, there in sorted(found.items())
        if there != here
    ]
    if faults:
        raise UserError(*faults)
