"""Forms of programs that read lines and write each with a time in front of it."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sim.logs.times import write_time
from tests.logs.forms.errors import Event
from tests.logs.forms.form import Form, Make, texts_of

_FAKETIME: Final = "faketime"
_HUNG_S: Final = 60.0


def _library_of_faketime() -> str:
    folder = next(Path("/usr/lib").glob("*/faketime"))
    return str(folder / "libfaketime.so.1")


def _paced(command: Sequence[str], texts: Iterable[tuple[int, str]], out: Path, log: Path) -> None:
    """Feed a program text by text, each at its own time, which it cannot tell from the real one.

    out: its standard output. log: where its lines appear; the next text waits for them.
    """
    now = out.with_name(f"{out.name}.now")
    env = os.environ | {
        "LD_PRELOAD": _library_of_faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(now),
        "FAKETIME_NO_CACHE": "1",
        "TZ": "UTC",
    }
    process, lines = None, 0
    with ExitStack() as stack:
        file = stack.enter_context(out.open("wb"))
        for ns, text in texts:
            new = now.with_name(f"{now.name}.new")
            new.write_text(write_time(ns).replace("T", " ").rstrip("Z"))
            new.replace(now)
            if process is None:
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, env=env)
                stack.callback(process.wait, _HUNG_S)
                stack.callback(process.communicate)
            assert process.stdin is not None
            process.stdin.write(f"{text}\n".encode())
            process.stdin.flush()
            lines += text.count("\n") + 1
            _wait_for(log, lines)
    now.unlink()


def _wait_for(log: Path, lines: int) -> None:
    end = time.monotonic() + _HUNG_S
    while not log.exists() or log.read_bytes().count(b"\n") < lines:
        assert time.monotonic() < end, "the program writes nothing"
        time.sleep(0.0005)


def _ts(*format_: str) -> Make:
    def make(path: Path, events: Sequence[Event]) -> None:
        _paced(["ts", *format_], texts_of(events), path, path)

    return make


def _into_folder(command: Callable[[str], list[str]], config: str = "") -> Make:
    """Programs that keep a folder, with the log in `current`."""

    def make(path: Path, events: Sequence[Event]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "config").write_text(config)
            log = Path(folder, "current")
            _paced(command(folder), texts_of(events), Path(folder, "out"), log)
            path.write_bytes(log.read_bytes())

    return make


FORMS = (
    Form("ts", _ts(), "no year", programs=("ts", _FAKETIME)),
    Form("ts ISO", _ts("%Y-%m-%dT%H:%M:%S"), programs=("ts", _FAKETIME)),
    Form(
        "svlogd",
        _into_folder(lambda folder: ["svlogd", "-tt", folder], "s0\n"),
        programs=("svlogd", _FAKETIME),
    ),
    Form(
        "multilog",
        _into_folder(lambda folder: ["multilog", "t", "s16777215", folder]),
        programs=("multilog", _FAKETIME),
    ),
)
