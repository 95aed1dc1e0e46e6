"""Forms written as their documentation shows them: those who made them up do not run in tests.

docs.docker.com (json-file, `docker logs -t`, `docker compose logs`), kubernetes.io (`kubectl
logs`), cloud.google.com (LogEntry, Cloud Run).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sim.logs.times import write_time
from tests.logs.forms.errors import Event
from tests.logs.forms.form import Form, Make, texts_of
from tests.logs.forms.of_libraries import GOOGLE, google

_OWN_TIME = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_BASIC = "%(levelname)s:%(name)s:%(message)s"


def _lines(written: Callable[[int, str], str], text: str = _BASIC) -> Make:
    """written: makes a line of a time and what a process wrote."""

    def make(path: Path, events: Sequence[Event]) -> None:
        lines = [
            written(ns, line) for ns, one in texts_of(events, text) for line in one.split("\n")
        ]
        path.write_text("".join(f"{line}\n" for line in lines))

    return make


def _nanos(ns: int) -> str:
    """A time with nine places, as Go writes it in Docker and Kubernetes."""
    return f"{write_time(ns // 10**9 * 10**9)[:-1]}.{ns % 10**9:09}Z"


def _json_file(ns: int, line: str) -> str:
    return json.dumps({"log": f"{line}\n", "stream": "stderr", "time": _nanos(ns)})


def _cloud_run(path: Path, events: Sequence[Event]) -> None:
    """`gcloud logging read --order=asc --format=json`: each line of standard error is an entry."""
    path.write_text(json.dumps(list(_entries(events)), indent=2))


def _entries(events: Sequence[Event]) -> Iterable[dict[str, Any]]:
    for ns, text in texts_of(events):
        for number, line in enumerate(text.split("\n")):
            yield {
                "insertId": f"{ns}-{number}",
                "logName": "projects/shop/logs/run.googleapis.com%2Fstderr",
                "receiveTimestamp": write_time(ns + 10**9),
                "resource": {
                    "labels": {"revision_name": "web-00001-abc", "service_name": "web"},
                    "type": "cloud_run_revision",
                },
                "textPayload": line,
                "timestamp": write_time(ns + number * 1000),
            }


def _cloud_run_of_library(path: Path, events: Sequence[Event]) -> None:
    """What google-cloud-logging prints, as Cloud Run takes it in and gives it back."""
    google(path, events)
    entries = []
    for line, event in zip(path.read_text().splitlines(), events, strict=True):
        found = json.loads(line)
        severity = found.pop("severity")
        entries.append(
            {"jsonPayload": found, "severity": severity, "timestamp": write_time(event.ns)}
        )
    path.write_text(json.dumps(entries, indent=2))


FORMS = (
    Form("docker json-file", _lines(_json_file)),
    Form("docker logs -t", _lines(lambda ns, line: f"{_nanos(ns)} {line}")),
    Form("docker compose", _lines(lambda ns, line: f"web-1  | {line}", _OWN_TIME)),
    Form(
        "docker compose colour",
        _lines(lambda ns, line: f"\x1b[36mweb-1  | \x1b[0m{line}", _OWN_TIME),
    ),
    Form("docker compose -t", _lines(lambda ns, line: f"web-1  | {_nanos(ns)} {line}")),
    Form("kubectl", _lines(lambda ns, line: f"[pod/web-7d9f/app] {line}", _OWN_TIME)),
    Form("kubectl -t", _lines(lambda ns, line: f"[pod/web-7d9f/app] {_nanos(ns)} {line}")),
    Form("Cloud Run", _cloud_run),
    Form("Cloud Run of google-cloud-logging", _cloud_run_of_library, modules=GOOGLE),
)
