"""What is to be said of a run of an application, by the definitions of `sim.model.outcome`.

A finding is an event of the trace, so that what is judged is what was recorded.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from uvicorn.server import ServerState

from sim.aio.loop import SimLoop
from sim.aio.names import has_unseen_exception, unseen_exception
from sim.hosting.observe import (
    BARE,
    Escaped,
    Observer,
    chain_of,
    is_disconnect,
    leaves_of,
    type_of,
    words_for,
)
from sim.hosting.promises import Promises
from sim.hosting.waits import is_servers, name_of, waiting_of
from sim.model.record import Ending, Waiting
from sim.peer.client import PeerClient


@dataclass
class Served:
    """One run: its loop, what was seen, its clients, and the server's state."""

    loop: SimLoop
    observer: Observer
    clients: list[PeerClient]
    state: ServerState
    supports_lifespan: bool = False
    before: int = 0
    """How many tasks had been started before the first client came."""
    ending: Ending = Ending.COMPLETED
    spins: bool = False
    """Whether it went round without end."""
    told_to_stop_ns: int | None = None
    """When the server was told to stop, if it was."""
    has_stopped: bool = False
    """Whether it has, then."""
    found: list["Found"] = field(default_factory=list)
    """What is to be said of it, once that is known."""
    promises: Promises | None = None
    """What somebody has said of the application."""
    stopping: bool = False
    """Whether the run is over, and what follows only cleans up."""


def tell(served: Served, lifespan: Any, grace_ns: int) -> None:
    """Put what is to be said of a run into its trace, and who waits for what into its end.

    lifespan: uvicorn's. grace_ns: how long the server may take to stop.
    """
    world = served.loop.world
    world.waiting = _waiting(served)
    for found in (
        *(_escape(served, one) for one in served.observer.escaped),
        *_standing(served),
        *_unseen(served),
        *_lifespan(served, lifespan),
        *_tasks(served),
        *_shutdown(served, grace_ns),
        *_swallowed(served),
        *_kicked(served),
        *_blocks(served),
        *_lost(served),
        *_broken(served),
    ):
        if found.name:
            _told(served, found)
    for name in served.observer.two_receivers:
        text = "two receives waited at once: which gets the next message is luck"
        _told(served, Found("two-receivers", name, text))


class Found(NamedTuple):
    """A finding: its name, whose, in words, and the user's line."""

    name: str
    connection: str
    text: str
    where: str = ""
    cause: str = ""
    """What tells it from others of its name."""
    error: BaseException | None = None
    """The exception that it is about, if it is about one."""


def _told(served: Served, found: Found) -> None:
    served.found.append(found)
    values = {name: value for name, value in found._asdict().items() if name != "error"}
    served.loop.world.event("finding", "(judge)", **values)


def _escape(served: Served, escaped: Escaped) -> Found:
    """Return what an exception that left the application is."""
    observer, error = served.observer, escaped.error
    where, text = observer.line_of(error), words_for(error)
    cause = f"{text} at {where}"
    if escaped.owner not in ("", escaped.connection):
        text = f"{escaped.owner}'s connection ends the handler of {escaped.connection}: {text}"
        return Found("bystander", escaped.connection, text, where, cause, error)
    if is_disconnect(error) and not escaped.from_request:
        if type_of(error) == BARE and not escaped.grouped:
            # no line in any log; it rose from send, since receive tells of the end by a message
            opened = {client.name for client in served.clients if client.opened}
            unread = escaped.connection in opened - observer.disconnected.keys()
            name = "disconnect-unread" if unread else ""
            return Found(name, escaped.connection, text, where, cause, error)
        return Found("escaped-disconnect", escaped.connection, text, where, cause, error)
    return Found("escape", escaped.connection, text, where, cause, error)


def _standing(served: Served) -> Iterator[Found]:
    """Yield who stands, and why that is wrong."""
    loop, ending = served.loop, served.ending
    if served.spins:
        yield from _spinning(served)
        return
    gone = {port.name: port.is_over for port in loop.world.ports}
    for client in served.clients:
        if (not client.done and (client.opened or client.over)) or (
            not client.opened and not client.over and client.waits_for
        ):
            text = f"{client.name} waits for {client.waits_for}"
            yield Found("hang", client.name, text, _where(served, client.stands_on), text)
    for call in served.observer.calls:
        if call.ended or call.is_request or not gone.get(call.connection):
            continue  # what a request leaves to be done when it is answered may take its time
        kind = "hang" if ending is Ending.DEADLOCK else "outlives"
        text = f"the client of {call.connection} is gone, and its handler does not end"
        yield Found(kind, call.connection, text, _where(served, call.connection))


def _spinning(served: Served) -> Iterator[Found]:
    """Yield whose code goes round without end: of those that run, all that is known."""
    text = "callbacks are ready all the time, and no time passes"
    running = [call.connection for call in served.observer.calls if not call.ended]
    for name in running or [""]:
        yield Found("spins", name, text, _where(served, name))


def _where(served: Served, connection: str) -> str:
    """Return the line at which a connection's handler stands."""
    world = served.loop.world
    mine = [one for one in world.waiting if one.task.partition("/")[0] == connection and one.where]
    return mine[0].where if mine else ""


def _waiting(served: Served) -> list[Waiting]:
    """Return what every task awaits that is not the server's own."""
    target = served.observer.target
    handlers = {id(call.task): call.connection for call in served.observer.calls}
    found = []
    for task, connection in served.loop.started:
        if task.done():
            continue
        if id(task) in handlers:
            label = connection
        elif is_servers(task):
            continue
        else:
            label = f"{connection or 'lifespan'}/{name_of(task)}"
        found.append(waiting_of(task, label, target.is_own, target.place))
    return found


def _unseen(served: Served) -> Iterator[Found]:
    """Yield exceptions that nobody looked at: of tasks, and of callbacks."""
    observer = served.observer
    escaped = {id(one.error) for one in observer.escaped}
    for task, connection in served.loop.started:
        if not task.done() or task.cancelled() or not has_unseen_exception(task):
            continue
        error = task.exception()
        if error is None or error is observer.lifespan_error:
            continue
        for one in leaves_of(error):
            if id(one) not in escaped and not _is_cancellation(one):
                yield from _ended_task(served, task, connection, one)
    for context in served.loop.errors:
        error = context.get("exception")
        if "never retrieved" in str(context.get("message")):
            continue
        if isinstance(error, Exception) and not is_disconnect(error):
            text = f"{words_for(error)} in a callback, and nobody looked"
            yield Found("unseen-exception", "", text, observer.line_of(error), text, error)


def _ended_task(
    served: Served, task: "asyncio.Task[Any]", connection: str, error: BaseException
) -> Iterator[Found]:
    """Yield what an exception is that ended a task and that nobody looked at.

    connection: for which the task works, "" for none. That its own client leaves may end it; if
    another one does, whom it worked for gets no more of it.
    """
    where, words = served.observer.line_of(error), words_for(error)
    if not is_disconnect(error):
        text = f"{words} ended the task {name_of(task)}, and nobody looked"
        yield Found("unseen-exception", connection, text, where, text, error)
        return
    owner = served.observer.owner_of(error)
    others = [one for one in served.observer.sent_to.get(task, ()) if one != owner]
    if owner and (owner != connection or others):
        whose = f"of {connection}" if connection else "of the application"
        and_of = f", which sends to {', '.join(others)} as well" if others else ""
        text = f"{owner}'s connection ends the task {name_of(task)} {whose}{and_of}: {words}"
        yield Found("bystander", connection, text, where, f"{words} at {where}", error)


def _is_cancellation(error: BaseException) -> bool:
    return isinstance(error, asyncio.CancelledError)


def _lifespan(served: Served, lifespan: Any) -> Iterator[Found]:
    """Yield that the application's lifespan ended while it served."""
    if served.supports_lifespan and lifespan.error_occurred:
        error = served.observer.lifespan_error
        leaf = next(leaves_of(error)) if error is not None else None
        text = words_for(leaf) if leaf is not None else "it ended"
        where = served.observer.line_of(leaf) if leaf is not None else ""
        said = f"the lifespan ended while serving: {text}"
        yield Found("lifespan-died", "", said, where, text, leaf)


def _tasks(served: Served) -> Iterator[Found]:
    """Yield tasks that a connection started and that live though its client is gone."""
    gone = {port.name for port in served.loop.world.ports if port.is_over}
    handlers = {id(call.task) for call in served.observer.calls}
    gone -= {request.name for client in served.clients for request in client.requests}
    standing = {call.connection for call in served.observer.calls if not call.ended}
    for task, connection in served.loop.started[served.before :]:
        if task.done() or id(task) in handlers or connection not in gone - standing:
            continue
        if is_servers(task):
            continue
        target = served.observer.target
        stands = waiting_of(task, connection, target.is_own, target.place)
        text = f"the task {name_of(task)} lives on, its client gone"
        yield Found("leftover", connection, text, stands.where, text)


def _shutdown(served: Served, grace_ns: int) -> Iterator[Found]:
    """Yield that the server has not stopped in time."""
    told_ns = served.told_to_stop_ns
    if told_ns is None or served.has_stopped:
        return
    since = served.loop.world.now_ns - told_ns
    if since >= grace_ns:
        standing = [call.connection for call in served.observer.calls if not call.ended]
        who = f"; it waits for {', '.join(standing)}" if standing else ""
        text = f"the server has not stopped {since / 1e9:g} s after it was told to{who}"
        yield Found("slow-shutdown", "", text, _where(served, standing[0]) if standing else "")


def _swallowed(served: Served) -> Iterator[Found]:
    """Yield errors of the server's own send and receive that the application caught."""
    observer = served.observer
    ends = [escaped.error for escaped in observer.escaped]
    ends += [
        unseen_exception(task)
        for task, _ in served.loop.started
        if task.done() and not task.cancelled() and has_unseen_exception(task)
    ]
    left = {id(one) for error in ends for one in chain_of(error)}
    for error, connection, which in observer.raised:
        if isinstance(error, RuntimeError) and id(error) not in left:
            text = f"{words_for(error)} out of {which} was caught"
            yield Found("swallowed", connection, text, observer.line_of(error), text, error)


def _kicked(served: Served) -> Iterator[Found]:
    """Yield handlers that took another connection's end for the end of their own."""
    observer = served.observer
    for name, met in observer.kicked.items():
        text = f"{words_for(met.error)} of {met.whose}'s connection was caught"
        yield Found(
            "kicked",
            name,
            f"{text}, and the handler returned without a close",
            met.where,
            text,
            met.error,
        )


def _blocks(served: Served) -> Iterator[Found]:
    """Yield what held up the loop."""
    target = served.observer.target
    for event in served.loop.world.events:
        if event.kind == "blocked":
            file, _, line = str(event.values["where"]).rpartition(":")
            where = target.place(file, int(line)) if file else ""
            seconds = int(event.values["by_us"] or 0) / 1e6
            text = f"time.sleep held up the loop for {seconds:g} s"
            yield Found("blocks", str(event.values["connection"]), text, where, where)


def _broken(served: Served) -> Iterator[Found]:
    """Yield promises that were broken."""
    for name, said in served.observer.broken.items():
        assert served.promises is not None, "somebody made them"
        file, line = served.promises.line_of(name)
        where = served.observer.target.place(file, line) if file else ""
        text = f"{name}: {said}"
        yield Found("invariant", "", text, where, text)


def _lost(served: Served) -> Iterator[Found]:
    """Yield messages that the application neither received nor could know to be lost."""
    observer = served.observer
    for client in served.clients:
        missing = client.sent - observer.received[client.name]
        if missing > 0 and client.name not in observer.disconnected:
            text = f"{missing} of {client.sent} messages were never received"
            yield Found("lost", client.name, text)
