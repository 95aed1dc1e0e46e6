"""How fast logs are read, and in how much memory: `python -m tests.benchmarks.logs [MEGABYTES]`.

Each form is written to a file in the temporary folder, read by a process of its own through the
command, and deleted. One line in a hundred holds a pattern.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count, islice

from sim.logs.patterns import PATTERNS
from sim.logs.times import write_time

START_NS = 1_757_844_000 * 10**9
EVERY = 100
PIECE = 4096
ORDINARY = "GET /health 200 OK from 10.0.0.7 in 3 ms, request served by worker"
READ = (
    "import resource, sys\n"
    "from sim.commands.cli import main\n"
    "try: main(['logs', '--json', sys.argv[1]])\n"
    "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
)


def messages() -> Iterator[tuple[str, str, str]]:
    """Yield times, severities and texts without end."""
    known = [(pattern.kind, pattern.texts[0]) for pattern in PATTERNS]
    for number in count():
        kind, text = "good", f"{ORDINARY} {number % 97}"
        if number % EVERY == 0:
            kind, text = known[number // EVERY % len(known)]
            text = f"{text} for connection c{number % 5000}"
        level = {"bad": "ERROR", "warning": "WARNING", "good": "INFO"}[kind]
        yield write_time(START_NS + number * 1_000_000), level, text


def plain() -> Iterator[str]:
    return (f"{when} {level} app.websocket {text}\n" for when, level, text in messages())


def json_lines(indent: int | None = None, end: str = "\n") -> Iterator[str]:
    for number, (when, level, text) in enumerate(messages()):
        entry = {
            "insertId": f"{number:012}",
            "jsonPayload": {"message": text, "logger": "app.websocket"},
            "resource": {"type": "cloud_run_revision", "labels": {"revision_name": "a-00001"}},
            "severity": level,
            "timestamp": when,
        }
        yield json.dumps(entry, indent=indent) + end


FORMS: dict[str, Callable[[], Iterator[str]]] = {
    "text": plain,
    "JSON Lines": json_lines,
    "one array in one line": lambda: json_lines(end=", "),
    "one array, pretty-printed": lambda: json_lines(indent=2, end=",\n"),
    "text, gzip": plain,
}


def write(path: str, form: str, size: int) -> None:
    """Write about `size` bytes."""
    opened = gzip.open(path, "wb", compresslevel=1) if "gzip" in form else open(path, "wb")  # noqa: SIM115
    done = 0
    parts = FORMS[form]()
    with opened as file:
        if "array" in form:
            file.write(b"[")
        # In small blocks: what this process once held, a process that it starts counts as its own.
        while done < size and (block := list(islice(parts, 1000))):
            data = "".join(block).encode()
            file.write(data)
            done += len(data)


def measure(form: str, size: int) -> None:
    handle, path = tempfile.mkstemp(prefix="wsrace-logs-")
    os.close(handle)
    try:
        write(path, form, size)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", READ, path], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        found = json.loads(done.stdout)
        hits = sum(one["hits"] for one in found["patterns"])
        print(
            f"{form:26} {found['bytes'] / 1e6:7.0f} MB {found['entries']:10,} entries "
            f"{seconds:6.1f} s {found['entries'] / seconds:9,.0f}/s "
            f"{found['bytes'] / 1e6 / seconds:6.0f} MB/s "
            f"{int(done.stderr.split()[-1]) // 1024:5} MB at most, {hits:,} hits",
            flush=True,
        )
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def very_long(form: str, size: int) -> Iterator[str]:
    """Yield a line or an object of `size` bytes, three times, in pieces."""
    for _ in range(3):
        if form == "object":
            yield '{"message": "'
        yield from ("x" * PIECE for _ in range(size // PIECE))
        yield '"}\n' if form == "object" else "\n"


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for megabytes in (10, 40):
        for form in ("line", "object"):
            name = f"3 of a {form} of {megabytes} MiB"
            FORMS[name] = partial(very_long, form, megabytes << 20)
    for form in FORMS:
        measure(form, size * 1_000_000)


if __name__ == "__main__":
    main()
