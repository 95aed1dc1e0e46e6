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
from sim.exploration.case import CaseFound, CaseSearch
from sim.exploration.ladder import Rung
from sim.files.racefile import SUFFIX
from sim.kernel.series import run_once
from sim.model.schedule import picks
from sim.runs.app import AppSubject
from sim.runs.keep import file_of, read_file, write_file
from sim.runs.subject import Record
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
            case = _made_again(subject, path)
            if case is None:
                path.unlink(missing_ok=True)
                continue
            for made in case.failing.values():
                on_failure(made)
            rung.cases.append(case)
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


def _made_again(subject: AppSubject, path: Path) -> CaseFound | None:
    """Return a kept run made again, as a case of which nothing else is known.

    None if it passes, fails by something else, or cannot be made. Of the file only clients, bounds
    and choices are taken: what is served, and how, is what was asked.
    """
    try:
        kept = read_file(path)
        theirs = kept.app.case() if kept.app is not None else None
    except UserError:  # somebody else has written there
        return None
    if kept.app is None or theirs is None:
        return None
    case = replace(subject.case, clients=theirs.clients, bounds=theirs.bounds)
    if case != theirs or len(kept.app.paths) != len(case.clients):
        return None
    search = CaseSearch(replace(subject, case=case, paths=kept.app.paths), lambda made: None)
    choices = picks(tuple(asked.choice() for asked in kept.schedule))
    search.take_in(run_once(search.found.subject.job(Lenient(choices))))
    found = search.found
    found.runs, found.kept_from_before = 1, True
    same = any(made.outcome.classes == kept.outcome.classes for made in found.failing.values())
    return found if same and not found.no_answer else None
