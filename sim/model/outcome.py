"""What a run came to: findings, and whether they count as a failure. Plain frozen data."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutcomeClass:
    """One way in which a connection can end, or one thing that can be found out about a run."""

    name: str
    """As in recorded cells. One that ends in ":" or "(" is the beginning of many."""
    summary: str
    """In a line, for `wsrace list`."""
    failure: bool = False
    """Whether it makes a run a failure under no-error."""
    race: bool = False
    """Whether it is this race: the handler uses a connection that has ended meanwhile."""

    telling: bool = False
    """Whether people are told of it even where no run fails."""

    def covers(self, label: str) -> bool:
        """Whether `label` is of this class."""
        if self.name.endswith((":", "(")):
            return label.startswith(self.name)
        return label.partition("(")[0] == self.name


CLASSES = (
    OutcomeClass("clean_disconnect(", "the handler was told of the end, with this code"),
    OutcomeClass("caught:", "the guard took this error for the disconnect"),
    OutcomeClass("guard_break_top", "the check at the loop top left"),
    OutcomeClass("guard_break_hs_timeout", "the poll of the original shape ended the loop"),
    OutcomeClass("guard_break_final", "the check right before the receive left"),
    OutcomeClass("hang", "the receive timed out, and the handler leaves then"),
    OutcomeClass("refused(", "authentication was refused, with this close code"),
    OutcomeClass("returned", "the handler returned"),
    OutcomeClass("cancelled", "the server cancelled the handler, as it shuts down"),
    OutcomeClass("no_request", "the client was gone before the handler began"),
    OutcomeClass("time_up", "the run reached its end time"),
    OutcomeClass("waiting", "handler and client are connected, and nobody has more to say"),
    OutcomeClass(
        "disconnect_group(",
        "an exception group of nothing but disconnects: servers log it as an error",
        telling=True,
    ),
    OutcomeClass(
        "need_accept_first", "the receive met a WebSocket that is not CONNECTED", True, True
    ),
    OutcomeClass("receive_after_disconnect", "received once more after the disconnect", True, True),
    OutcomeClass("send_after_close", "sent once more after the close", True, True),
    OutcomeClass("concurrent_recv", "two tasks received at once, and the server minds", True, True),
    OutcomeClass("oserror_leaked", "an OSError of send or accept left the handler", True),
    OutcomeClass("other:", "any other exception left the handler", True),
    OutcomeClass("never_ready", "the state machine did not become ready", True),
    OutcomeClass("manager_failed", "the connection's manager could not be made", True),
    OutcomeClass("services_failed", "the services never became ready", True),
    OutcomeClass("deadlock", "handler and client wait for each other", True),
    OutcomeClass("message_lost", "the client sent what the handler never received"),
    OutcomeClass("events_missing", "a chat turn without all of its events"),
    OutcomeClass("events_out_of_order", "a chat turn whose events came in another order"),
    OutcomeClass(
        "client_stranded", "a client waits although no handler serves it any more", telling=True
    ),
    OutcomeClass(
        "several_receivers", "several tasks waited for one connection's next message", telling=True
    ),
    OutcomeClass("injection_met", "an error that the injecting task itself met", telling=True),
)
"""All there are: a connection's outcomes first, then what else can be found."""


def class_named(label: str) -> OutcomeClass:
    """Return the class of an outcome or finding.

    One that stands in no row is a failure: forgetting a class must not make it a pass.
    """
    for one in CLASSES:
        if one.covers(label):
            return one
    return OutcomeClass(label, "an outcome that no table knows", failure=True)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is to be said about a run."""

    kind: str
    """An outcome class or another thing that can be found; `CLASSES` has them all."""
    failure: bool = False
    """Whether it makes the run a failure."""
    connection: str = ""
    """Whose; "" for what concerns the whole run."""
    text: str = ""
    """What was said, for people."""
    where: str = ""
    """The line of the code under test at which it rose, "module:line"; "" if that is not known."""
    cause: str = ""
    """What tells it from others of its kind, whoever it happens to; "" if the kind says enough."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The findings of one run."""

    classes: tuple[str, ...] = ()
    """The outcome class of each connection, in order."""
    findings: tuple[Finding, ...] = ()
    lost: int = 0
    """Messages that a client sent and the handler never received."""
    turns: int = 0
    """Chat turns begun."""
    complete: int = 0
    """Chat turns whose events all went out in order."""
    time_up: bool = False
    """Whether the run was ended by its time."""
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
