"""Searches and their pieces as text: what goes to workers, and what is kept."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sim.exploration.inquiry import Inquiry
from sim.exploration.judged import Cost, Judged
from sim.exploration.pieces import Came, Failing, Met, Piece, PutOff
from sim.model.scenario import Scenario
from sim.runs.handler import HandlerSubject
from sim.runs.own import import_handler, own_guard_of
from sim.runs.scenario import ScenarioSubject
from sim.runs.stage import Fidelity
from sim.runs.subject import Subject
from sim.schedulers.tree import Node, Visit
from sim.workers.identity import RUNS, code_of, module_digest, own_code
from sim.workers.seam import OtherCodeError

LAYERS = (*RUNS, "exploration", "files")
"""What of this package the pieces of a search are made by."""
Entries = tuple[tuple[bytes, Visit], ...]
"""What a piece has seen."""


def code() -> str:
    """Return the digest of our code that makes pieces, and the versions of libraries and Python."""
    return code_of(LAYERS)


def told_of(subject: Subject, inquiry: Inquiry) -> dict[str, Any] | None:
    """Return all that the pieces of a search depend on, as plain data; None if that is not enough.

    How many runs are made, and when it has had enough, is of no account to a piece.
    """
    if type(subject) not in (ScenarioSubject, HandlerSubject):
        return None
    assert isinstance(subject, ScenarioSubject), "either of them is one"
    handler = subject.own if isinstance(subject, HandlerSubject) else None
    named = subject.tellable and (handler is None or handler.importable)
    if not named or subject.profile is not None:
        return None
    return {
        "scenario": subject.scenario.model_dump(mode="json", exclude_defaults=True),
        "fidelity": str(subject.fidelity),
        "handler": None if handler is None else handler.name,
        "factory": handler is not None and handler.factory,
        "strategy": inquiry.strategy,
        "times": inquiry.times,
        "property": inquiry.prop,
        "bound": inquiry.bound if inquiry.way.least_bound is not None else 0,
        "own": {name: module_digest(name) for name in sorted(subject.modules() or {})},
    }


def key_of(told: dict[str, Any], has_own_code: bool) -> str:
    """Return a name for exactly what comes of the pieces of a search."""
    all_of_it = [code(), told, own_code() if has_own_code else None]
    return hashlib.sha256(json.dumps(all_of_it, sort_keys=True).encode()).hexdigest()


def subject_of(told: dict[str, Any]) -> tuple[Subject, Inquiry]:
    """Return what is searched, and what is asked of it.

    Code of somebody's own is imported by the names that the person gave who began the search.
    Raises UserError if that is not to be had here, OtherCodeError if it is another version: a
    process keeps what it has imported.
    """
    scenario = Scenario.model_validate(told["scenario"])
    fidelity = Fidelity(told["fidelity"])
    inquiry = Inquiry(
        strategy=told["strategy"], times=told["times"], prop=told["property"], bound=told["bound"]
    )
    subject: ScenarioSubject
    if told["handler"] is not None:
        own = import_handler(told["handler"], told["factory"])
        subject = HandlerSubject(scenario, fidelity, own=own)
    else:
        subject = ScenarioSubject(scenario, fidelity, own_guard_of(scenario.guard))
    for name, digest in told["own"].items():
        if module_digest(name) != digest:
            raise OtherCodeError(
                f"a worker has imported another version of {name!r}: restart the workers"
            )
    return subject, inquiry


def piece_of(data: Any) -> Piece:
    """Return a piece from what JSON made of it."""
    number, variant, nodes, *rest = data
    return Piece(number, variant, tuple(map(_node, nodes)), *rest)


def data_of(came: Came) -> list[Any]:
    """Return what came of a piece as JSON takes it."""
    before, after = came[: Came._fields.index("seen")], came[Came._fields.index("seen") + 1 :]
    return [*before, told_seen(came.seen), *after]


def came_of(data: Any) -> Came:
    """Return what came of a piece from what JSON made of it."""
    runs, judged, met, failing, left, put_off, seen, *rest = data
    return Came(
        runs,
        tuple(map(_judged, judged)),
        tuple(Met(*one) for one in met),
        None if failing is None else _failing(failing),
        tuple(map(_node, left)),
        tuple(PutOff(_node(node), fails) for node, fails in put_off),
        seen_of(seen),
        *rest,
    )


def told_seen(entries: Iterable[tuple[bytes, Visit]]) -> list[Any]:
    """Return what a piece has seen as JSON takes it."""
    return [[key.hex(), visit] for key, visit in entries]


def seen_of(data: Any) -> Entries:
    """Return what a piece has seen from what JSON made of it."""
    return tuple((bytes.fromhex(key), tuple(visit)) for key, visit in data)


def _node(data: Any) -> Node:
    picks, todo, sleep, *rest = data
    sleepers = tuple((name, tuple(reads), tuple(writes)) for name, reads, writes in sleep)
    return Node(tuple(picks), tuple(todo), sleepers, *rest)


def _judged(data: Any) -> Judged:
    label, fails, opened, refusal, remarks, kinds, silent, *rest = data
    pairs = [tuple((one, other) for one, other in rows) for rows in (remarks, silent)]
    return Judged(label, fails, opened, refusal, pairs[0], tuple(kinds), pairs[1], *rest)


def _failing(data: Any) -> Failing:
    cost, label, answers = data
    return Failing(Cost(*cost), label, tuple(answers))
