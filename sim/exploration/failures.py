"""Failing schedules that are kept from one check to the next, and tried first.

Each question to an application has a folder of its own, so that a failure of one is never told as
an answer to another. A kept schedule is followed as far as it fits, since the code may have been
edited; once it passes it is dropped. So a mended race is looked at again where it was, at once, and
a search that has less time than the last one does not forget what that found.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from sim.errors import UserError
from sim.exploration.case import CaseFound
from sim.exploration.ladder import Rung
from sim.files.racefile import SUFFIX, RaceFile
from sim.kernel.series import run_once
from sim.model.schedule import picks
from sim.runs.app import AppSubject
from sim.runs.keep import file_of, read_file, write_file
from sim.runs.subject import Record, record_or_none
from sim.schedulers.replay import Lenient

WORDS = "kept from before"
_IGNORE = "# made by wsrace check: failing schedules, tried first the next time\n*\n"


class Failures:
    """The failing schedules of one question."""

    def __init__(self, folder: Path, question: dict[str, Any]) -> None:
        """Prepare. folder: of all questions. question: what is asked, as plain data."""
        told = json.dumps(question, sort_keys=True, default=str).encode()
        self._all = folder
        self._folder = folder / sha256(told).hexdigest()[:16]

    def tried(self, subject: AppSubject, on_failure: Callable[[Record], None]) -> list[Rung]:
        """Make the kept runs again, and drop those that pass or cannot be made any more.

        on_failure: called with each that fails. Returns a question whose cases are those, or none.
        """
        rung = Rung(WORDS, len(subject.case.clients))
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            made = _made_again(subject, path)
            if made is None:
                path.unlink(missing_ok=True)
                continue
            on_failure(made)
            rung.cases.append(_case_of(made))
        rung.wanted = len(rung.cases)
        return [rung] if rung.cases else []

    def keep(self, failing: Sequence[Record]) -> None:
        """Keep these, and no others. Raises UserError if they cannot be written."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if not failing:
            return
        try:
            self._folder.mkdir(parents=True)
            (self._all / ".gitignore").write_text(_IGNORE, encoding="utf-8")
        except OSError as error:
            raise UserError(f"--cache: {self._all}: {error.strerror}") from None
        for number, made in enumerate(failing, 1):
            write_file(self._folder / f"failure-{number}{SUFFIX}", file_of(made))


def _made_again(subject: AppSubject, path: Path) -> Record | None:
    """Return a kept run made again, None if it passes, or if it cannot be made."""
    try:
        kept = read_file(path)
    except UserError:  # somebody else has written there
        return None
    if kept.app is None or kept.app.target != subject.case.target:
        return None
    one = replace(subject, case=kept.app.case(), paths=kept.app.paths)
    made = record_or_none(one, run_once(one.job(Lenient(_picks(kept)))))
    return made if made is not None and made.outcome.failed else None


def _picks(kept: RaceFile) -> list[int]:
    return list(picks(tuple(asked.choice() for asked in kept.schedule)))


def _case_of(made: Record) -> CaseFound:
    """Return a case of which one run is known, and that it fails."""
    assert isinstance(made.subject, AppSubject), "of an application"
    case = CaseFound(made.subject, runs=1, schedules=1, opened=True, kept=[made])
    case.endings[made.outcome.label] += 1
    case.failing[made.outcome.label] = made
    return case
