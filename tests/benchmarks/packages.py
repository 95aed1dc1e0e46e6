"""Published packages that serve WebSockets, as they are: python -m tests.benchmarks.packages.

Minimal applications of packages that nobody here wrote (tests/helpers/apps/published_*.py), each
asked by the command that anybody would type; its failures are executed on the real kernel. What is
printed is the table of the README. The packages are needed for this alone:

    pip install ariadne==1.1.1 python-socketio pycrdt-websocket==0.16.5 fastapi-websocket-pubsub

Options: --confirm N (20), --for SECONDS (20), NAME... (only rows whose package holds one of these).
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "helpers" / "apps"
_GRAPHQL = 'subprotocol:graphql-transport-ws send:{"type":"connection_init"}, wait'
_SUBSCRIBE = (
    'send:{"id":"1","type":"subscribe","payload":{"query":"subscription { ticks(count: 2) }"}}'
)
_UPDATE = "send_bytes:00021201019d9aa9f4e79554000401017402686900"
_EIO = "/socket.io/?EIO=4&transport=websocket on:2 reply:3, wait, send:40, wait"
_CALL = '"request":{"method":"%s","arguments":{"topics":["a"]%s},"call_id":"%s"}'
_SUB = "send:{" + _CALL % ("subscribe", "", "1") + "}"
_PUB = "send:{" + _CALL % ("publish", ',"data":"x","sync":false', "2") + "}"


@dataclass(frozen=True)
class Row:
    """One application, and what is asked of it."""

    package: str
    target: str
    says: str
    """What its clients do, in words."""
    clients: tuple[str, ...]


ROWS = (
    Row(
        "ariadne",
        "published_ariadne:plain",
        "subscribe, hear two ticks, leave",
        (f"{_GRAPHQL}, {_SUBSCRIBE}, wait:2, close",),
    ),
    Row(
        "ariadne",
        "published_ariadne:app",
        'with an async `on_complete`: "complete" from the client meets the natural end',
        (f'{_GRAPHQL}, {_SUBSCRIBE}, wait, send:{{"id":"1","type":"complete"}}, sleep:200, close',),
    ),
    Row(
        "pycrdt-websocket",
        "published_pycrdt:app",
        "join, an update and a close",
        (f"/room wait, {_UPDATE}, close",),
    ),
    Row(
        "pycrdt-websocket",
        "published_pycrdt:app",
        "two that join at once",
        ("/room wait, close", "/room wait, close"),
    ),
    Row(
        "pycrdt-websocket",
        "published_pycrdt:logging",
        "the same with the documented exception handler",
        (f"/room wait, {_UPDATE}, close",),
    ),
    Row(
        "python-socketio",
        "published_socketio:app",
        "connect, say something, leave",
        (rf'{_EIO}, send:"42[\"say\",\"hi\"]", close',),
    ),
    Row(
        "fastapi-websocket-pubsub",
        "published_pubsub:app",
        "a subscriber and a publisher",
        (f"/pubsub {_SUB}, wait, close", f"/pubsub {_PUB}, wait, close"),
    ),
)


def ask(row: Row, confirm: int, seconds: float) -> dict[str, Any]:
    """Return the document of a check, with how long the command took; or why there is none."""
    asked = [part for client in row.clients for part in ("--client", client)]
    began = time.monotonic()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sim", "check", row.target, "--app-dir", str(FOLDER)),
            *("--confirm", str(confirm), "--for", str(seconds), "--json", *asked),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        return {"verdict": "refused", "no_answer": done.stderr.strip().splitlines()[-1]}
    document: dict[str, Any] = json.loads(done.stdout)
    return document | {"took": time.monotonic() - began}


def table(rows: list[Row], confirm: int, seconds: float) -> Iterator[str]:
    """Yield the table's lines, each as soon as it is known."""
    yield "| package | its clients | said | why | on the real kernel | after |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        try:
            name = f"{row.package} {version(row.package)}"
        except PackageNotFoundError:
            yield f"| {row.package} | not installed | | | | |"
            continue
        found = ask(row, confirm, seconds)
        for number, cells in enumerate(_cells(found)):
            first = (name, row.says) if not number else ("", "")
            yield "| " + " | ".join((*first, *map(_cell, cells))) + " |"


def _cells(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield what is said of one application: a row, and one more for each further failure."""
    if "rungs" not in found:
        yield "refused", found["no_answer"], "", ""
        return
    schedules = sum(case["schedules"] for rung in found["rungs"] for case in rung["cases"])
    cut = sum(not case["complete"] for rung in found["rungs"] for case in rung["cases"])
    whole = f"{cut} of its cases cut" if cut else "complete"
    said = f"{found['verdict']}: {schedules} schedules, {whole}"
    took = f"{found['took']:.0f} s"
    if not found["failures"]:
        yield said, found["no_answer"] or _notes(found), "", took
    for number, failure in enumerate(found["failures"]):
        one = next(each for each in failure["findings"] if each["failure"])
        reason = "; ".join(line.strip() for line in failure["why"].get(one["text"], [])[:2])
        what = f"`{one['kind']}` {one['text']}" + (f" ({one['where']})" if one["where"] else "")
        standing = (
            f"stands at {each['where']} `{each['source']}`, in {each['awaits']}"
            for each in failure["stands"]
            if each["task"] == one["connection"]
        )
        reason = reason or next(standing, "")
        why = f"{what}; {reason}" if reason else what
        yield (
            ("" if number else said),
            why,
            _executed(failure["executed"]),
            ("" if number else took),
        )


def _notes(found: dict[str, Any]) -> str:
    kinds = {kind for rung in found["rungs"] for case in rung["cases"] for kind in case["notes"]}
    return f"notes: {', '.join(sorted(kinds))}" if kinds else ""


def _executed(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    if not found["executed"]:
        return f"not executed: {found['why']}"
    rest = "".join(
        f"; {found[name]} {words}"
        for name, words in (("different", "went another way"), ("not_placed", "not placed"))
        if found[name]
    )
    return f"confirmed {found['confirmed']} of {found['executed']}{rest}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("names", nargs="*")
    options.add_argument("--confirm", type=int, default=20)
    options.add_argument("--for", dest="seconds", type=float, default=20.0)
    asked = options.parse_args()
    rows = [
        row for row in ROWS if not asked.names or any(name in row.package for name in asked.names)
    ]
    for line in table(rows, asked.confirm, asked.seconds):
        print(line, flush=True)


if __name__ == "__main__":
    main()
