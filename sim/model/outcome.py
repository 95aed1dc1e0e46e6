"""What a run came to: findings, and whether they count as a failure. Plain frozen data."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is to be said about a run.

    kind: an outcome class, named as in the truth files, or one of message_lost, events_missing,
    events_out_of_order, deadlock, client_stranded. failure: whether it makes the run a failure.
    connection: "" for what concerns the whole run. text: what was said, for people.
    """

    kind: str
    failure: bool = False
    connection: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The findings of one run.

    classes: the outcome class of each connection, in order. lost: messages that a client sent and
    the handler never received. turns, complete: chat turns begun, and those whose events all went
    out in order. time_up: the run was ended by its time.
    """

    classes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    lost: int = 0
    turns: int = 0
    complete: int = 0
    time_up: bool = False
    states: tuple[tuple[str, str], ...] = field(default=())
    """client_state and application_state of each connection at the end."""

    @property
    def failed(self) -> bool:
        """Whether the run counts as a failure."""
        return any(finding.failure for finding in self.findings)

    @property
    def label(self) -> str:
        """The classes of all connections, each once, in one line."""
        return ", ".join(dict.fromkeys(self.classes)) or "nothing"
