"""How fast logs are read, and in how much memory:
`python -m tests.benchmarks.logs [MEGABYTES [OLD]]`.

Each form is written to a file in the temporary folder, read by a process of its own through the
command, and deleted. One line in a hundred holds a pattern, if no other number is said. OLD: a
checkout of another version, that reads each file, too.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
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
    "finally:\n"
    "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
    "    print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)\n"
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


TRACEBACK = """Traceback (most recent call last):
  File "/srv/venv/site-packages/uvicorn/protocols/websockets/websockets_impl.py", line 244, in run
    result = await self.app(self.scope, self.asgi_receive, self.asgi_send)
  File "/srv/app/main.py", line 33, in ws
    data = await websocket.receive_text()
  File "/srv/venv/site-packages/starlette/websockets.py", line 113, in receive_text
    raise RuntimeError('WebSocket is not connected. Need to call "accept" first.')
RuntimeError: WebSocket is not connected. Need to call "accept" first.
"""


def no_hits() -> Iterator[str]:
    for number in count():
        when = write_time(START_NS + number * 1_000_000)
        yield f"{when} INFO uvicorn.access {ORDINARY} {number * 7919 % 1_000_003}\n"


def tracebacks() -> Iterator[str]:
    for number in count():
        when = write_time(START_NS + number * 1_000_000)
        yield f"{when} ERROR Exception in ASGI application\n{TRACEBACK}"


def all_hits() -> Iterator[str]:
    said = TRACEBACK.splitlines()[-1]
    for number in count():
        when = write_time(START_NS + number * 1_000_000)
        yield f"{when} ERROR app Error in message loop: {said} for connection c{number % 500}\n"


FORMS: dict[str, Callable[[], Iterator[str]]] = {
    "text": plain,
    "JSON Lines": json_lines,
    "one array in one line": lambda: json_lines(end=", "),
    "one array, pretty-printed": lambda: json_lines(indent=2, end=",\n"),
    "text, gzip": plain,
    "text, no hits": no_hits,
    "text, tracebacks": tracebacks,
    "text, all lines hit": all_hits,
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


def read(path: str, checkout: str) -> str:
    """Read a file by the code of a checkout; return what that cost, as a line."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", READ, path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": checkout} if checkout else None,
    )
    found = json.loads(done.stdout)
    kib, seconds = map(float, done.stderr.split()[-2:])
    hits = sum(one["hits"] for one in found["patterns"])
    return (
        f"{found['bytes'] / 1e6:7.0f} MB {found['entries']:10,} entries "
        f"{seconds:6.1f} s {found['entries'] / seconds:9,.0f}/s "
        f"{found['bytes'] / 1e6 / seconds:6.1f} MB/s {kib / 1024:5.0f} MB at most, {hits:,} hits"
    )


def measure(form: str, size: int, old: str) -> None:
    """Print what reading a form costs, in processor time."""
    handle, path = tempfile.mkstemp(prefix="wsrace-logs-")
    os.close(handle)
    try:
        write(path, form, size)
        for name, checkout in ((form, ""), ("  old", old)) if old else ((form, ""),):
            print(f"{name:26} {read(path, checkout)}", flush=True)
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
    old = sys.argv[2] if len(sys.argv) > 2 else ""
    for megabytes in (10, 40):
        for form in ("line", "object"):
            name = f"3 of a {form} of {megabytes} MiB"
            FORMS[name] = partial(very_long, form, megabytes << 20)
    for form in FORMS:
        measure(form, size * 1_000_000, old)


if __name__ == "__main__":
    main()
