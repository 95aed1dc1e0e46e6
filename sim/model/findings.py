"""What can be wrong with a run of somebody's own code: one table for applications and handlers.

A finding is named alike wherever it is found. For an application it is told by what its server does
and logs; for a handler on Trio it follows from how the handler ended (`sim.model.outcome`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sim.errors import UserError
from sim.model.outcome import class_named
from sim.model.plain import near


class Severity(StrEnum):
    """What a finding makes of a run."""

    FAIL = "fail"
    """A failure."""
    NOTE = "note"
    """Something that is told, once, and fails nothing."""
    OFF = "off"
    """Nothing, unless somebody asks for it."""


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of finding."""

    name: str
    definition: str
    severity: Severity
    """What it makes of a run unless somebody says otherwise."""
    classes: tuple[str, ...] = ()
    """The outcome classes of a handler on Trio that are this."""


_F, _N, _O = Severity.FAIL, Severity.NOTE, Severity.OFF
_ROWS = (
    FindingKind(
        "escape",
        "an exception leaves the app and is logged as an error; it is no disconnect",
        _F,
        (
            "need_accept_first",
            "receive_after_disconnect",
            "send_after_close",
            "concurrent_recv",
            "oserror_leaked",
            "other:",
        ),
    ),
    FindingKind(
        "bystander",
        "an exception of one connection leaves the handler of another one, or ends a task that "
        "does not work for it",
        _F,
    ),
    FindingKind("invariant", "what must hold, as you said, does not", _F),
    FindingKind(
        "hang",
        "nothing can happen any more, and a script waits, or a handler whose client is gone",
        _F,
        ("deadlock", "client_stranded"),
    ),
    FindingKind("spins", "the code goes round without end, and no time passes", _F),
    FindingKind("outlives", "a handler has not ended --gone after its client left", _F),
    FindingKind(
        "unseen-exception",
        "an exception ended a task, or rose in a callback, and nobody asked for it; it is neither "
        "a disconnect nor a cancellation",
        _F,
    ),
    FindingKind("lifespan-died", "the lifespan ended while the app served", _F),
    FindingKind("slow-shutdown", "the server has not stopped --grace after it was told to", _F),
    FindingKind(
        "escaped-disconnect",
        "a WebSocketDisconnect leaves the app: the server logs it as an error, with a traceback",
        _N,
        ("disconnect_group(", "clean_disconnect("),
    ),
    FindingKind(
        "swallowed", "the server's send or receive raised a RuntimeError, and the app caught it", _N
    ),
    FindingKind(
        "two-receivers",
        "two receives of one connection waited at once",
        _N,
        ("several_receivers",),
    ),
    FindingKind(
        "kicked",
        "a handler catches what another connection raised, and returns: its own client, who is "
        "still there, is thrown out",
        _N,
    ),
    FindingKind(
        "disconnect-unread",
        "a send ended the handler, without a line in the log, before it had read that its client "
        "is gone: what it does only then was not done",
        _N,
    ),
    FindingKind("leftover", "a task that a connection started lives --gone after it", _N),
    FindingKind("blocks", "time.sleep, or work as long, held up the loop and everybody else", _N),
    FindingKind(
        "lost",
        "a message was sent and the app neither received it nor was told of a disconnect",
        _O,
        ("message_lost",),
    ),
)
FINDINGS: Mapping[str, FindingKind] = {row.name: row for row in _ROWS}
"""All kinds by name, failures first."""


def kind_of(label: str) -> FindingKind | None:
    """Return what kind of finding an outcome class of a handler on Trio is, None if it is none.

    label: as in a run's outcome, such as "disconnect_group(1000)".
    """
    name = class_named(label).name
    return next((kind for kind in _ROWS if name in kind.classes), None)


@dataclass(frozen=True, slots=True)
class Severities:
    """What somebody made of the kinds. Raises UserError for one that does not exist."""

    fail_on: tuple[str, ...] = ()
    """Kinds that are failures here."""
    allow: tuple[str, ...] = ()
    """Kinds that are none here."""

    def __post_init__(self) -> None:
        faults = [
            f"{option} {name!r}: no such finding; there are: {', '.join(FINDINGS)}"
            f"{near(name, FINDINGS)}"
            for option, names in (("--fail-on", self.fail_on), ("--allow", self.allow))
            for name in names
            if name not in FINDINGS
        ]
        faults += [f"--allow {name!r}: --fail-on names it, too" for name in self.both()]
        if faults:
            raise UserError(*faults)

    def both(self) -> Collection[str]:
        """Return what is named twice."""
        return [name for name in self.allow if name in self.fail_on]

    def of(self, name: str) -> Severity:
        """Return what a kind makes of a run; one that no table knows is a failure."""
        if name in self.fail_on:
            return Severity.FAIL
        if name in self.allow:
            return Severity.NOTE
        known = FINDINGS.get(name)
        return Severity.FAIL if known is None else known.severity
