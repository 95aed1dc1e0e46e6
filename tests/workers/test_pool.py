"""Processes that are watched: replaced when they are lost; Ctrl-C is left to who opened them."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, Future
from pathlib import Path

import pytest

from sim.errors import UserError
from sim.workers.pool import Line, Pool, WorkerLost, open_pool

ROOT = Path(__file__).parent.parent
LOST = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")


def ignored() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def die_the_first_time(marker: str, how: int) -> int:
    """End this process by a signal, or by an exit code below 0, unless a file says that it has."""
    if not os.path.exists(marker):
        Path(marker).touch()
        os._exit(-how) if how < 0 else os.kill(os.getpid(), how)
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raise_a_fault() -> None:
    raise UserError("one", "two")


class _OddError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(one + two)


def raise_an_odd_one() -> None:
    raise _OddError(1, 2)


def work(number: int) -> int:
    time.sleep(0.005)
    return 2 * number


def say(news: str) -> bool:
    line = Line.of_this_process()
    line.news.put(news)
    return line.stop.wait(10)


def test_workers_ignore_interrupts_and_this_process_does_not() -> None:
    before = signal.getsignal(signal.SIGINT)
    with open_pool(1) as pool:
        assert pool.submit(ignored).result()
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_not_begun_is_dropped_when_the_caller_stops() -> None:
    futures: list[Future[None]] = []

    def stop_at_the_first() -> None:
        with open_pool(1) as pool:
            futures.extend(pool.submit(time.sleep, 0.2) for _ in range(100))
            futures[0].result()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_at_the_first()
    assert futures[0].done()
    with pytest.raises(CancelledError):
        futures[-1].result()


@LOST
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, -3, -7])
def test_who_loses_its_process_is_done_again_in_another_one(tmp_path: Path, how: int) -> None:
    with open_pool(2) as pool:
        first = pool.submit(os.getpid).result()
        pid = pool.submit(die_the_first_time, str(tmp_path / "done"), how).result()
        assert pid in pool.pids
        assert pool.lost == 1
        assert pool.submit(abs, -1).result() == 1
    assert first != pid or pool.lost == 1


@LOST
def test_what_loses_its_process_every_time_is_given_back_and_nothing_else_is_harmed() -> None:
    with open_pool(2) as pool:
        bad = pool.submit(die)
        good = [pool.submit(abs, -number) for number in range(50)]
        assert [one.result() for one in good] == list(range(50))
        with pytest.raises(WorkerLost, match="its process ended, with exit code -9"):
            bad.result()
        assert pool.lost == 2


def test_what_gives_no_answer_in_time_is_given_back_after_two_tries() -> None:
    with open_pool(1, limit_s=0.5) as pool:
        with pytest.raises(WorkerLost, match=r"it gave no answer for 0\.5 s"):
            pool.submit(time.sleep, 60).result()
        assert pool.submit(abs, -1).result() == 1
        assert pool.lost == 2


@LOST
def test_kills_at_any_moment_lose_nothing() -> None:
    """Each worker has a pipe of its own: none can leave half a message in another one's."""
    rest_s = (0.15, 0.23, 0.31, 0.17, 0.29, 0.19)
    with open_pool(2) as pool:
        pool.times = 20  # on a busy machine all kills may meet one process, again and again
        futures = [pool.submit(work, number) for number in range(600)]
        futures[0].result()

        def kill() -> None:
            for number, seconds in enumerate(rest_s):
                time.sleep(seconds)
                if pids := pool.pids:
                    os.kill(pids[number % len(pids)], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        assert [future.result(timeout=60) for future in futures] == [2 * n for n in range(600)]
        killer.join()
    assert pool.lost >= 3


def test_exceptions_come_back_with_where_they_rose() -> None:
    with open_pool(1) as pool:
        with pytest.raises(UserError) as caught:
            pool.submit(raise_a_fault).result()
        assert caught.value.faults == ("one", "two")
        assert "in raise_a_fault" in caught.value.__notes__[0]
        with pytest.raises(RuntimeError, match="_OddError: 3"):
            pool.submit(raise_an_odd_one).result()
        with pytest.raises(Exception, match="pickle"):
            pool.submit(lambda: 1).result()
        with pytest.raises(TypeError, match="pickle"):
            pool.submit(threading.Lock).result()
        assert pool.lost == 0


def test_processes_tell_news_and_hear_that_they_are_to_stop() -> None:
    with open_pool(1, news=True) as pool:
        assert pool.line is not None
        future = pool.submit(say, "hello")
        assert pool.line.news.get(timeout=10) == "hello"
        pool.line.stop.set()
        assert future.result()


def test_killed_workers_end_at_once() -> None:
    pool = Pool(2)
    futures = [pool.submit(time.sleep, 60) for _ in range(3)]
    while len(pool.pids) < 2:
        time.sleep(0.01)
    pool.kill()
    pool.shutdown()
    for future in futures:
        with pytest.raises(WorkerLost):
            future.result(timeout=10)
    assert pool.pids == []
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(abs, 1)


OPENS = """
import os, sys, time
from sim.workers.pool import open_pool
if __name__ == "__main__":
    with open_pool(2) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60)
        pool.submit(time.sleep, 0.5)
        time.sleep(60)
"""


@LOST
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at /proc")
def test_workers_end_when_who_opened_them_is_killed(tmp_path: Path) -> None:
    (tmp_path / "opens.py").write_text(OPENS.replace("time.sleep, 60)", "time.sleep, 1)"))
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "opens.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    ends = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
