"""What a run of a served application leads to: the roots of its state (`sim.aio.state`)."""

from collections.abc import Iterator

from sim.aio.entropy import drawn_so_far
from sim.aio.names import has_unseen_exception, unseen_exception
from sim.hosting.findings import Served
from sim.hosting.observe import Met, Observer, words_for
from sim.hosting.waits import name_of


def roots_of(served: Served, alarms: bool = True) -> Iterator[object]:
    """Yield the roots, in an order that repeats, but for what is the application's own.

    alarms: whether it counts when clients act by themselves.

    What was found so far is among them, so that equal states have equal endings, and not only
    equal futures.
    """
    loop, world = served.loop, served.loop.world
    yield list(loop.ready_queue)
    yield loop.timer_heap()
    yield [(key.fd, key.events, key.data) for key in loop.selector.get_map().values()]
    yield [port.__standing__() for port in world.ports]
    yield [client.__standing__() for client in served.clients]
    sent_to = served.observer.sent_to
    yield [
        (task, whose, sorted(sent_to.get(task, ())))
        for task, whose in loop.started
        if not task.done()
    ]
    yield [str(getattr(one, "client", "")) for one in served.state.connections]
    yield (world.from_now(served.told_to_stop_ns), served.has_stopped)
    yield list(loop.threads.out)
    yield (world.late_left, world.partial_left, world.splits_left, world.settles)
    under_way = any(port.under_way and loop.selector.reads(port) for port in world.ports)
    if all(client.has_left for client in served.clients) and not under_way:
        # What stands then, outlives its client. While bytes of it are under way, which are here
        # soon, more time counts as covering less: else each poll until then would be a state.
        yield world.from_now(world.horizon_ns)
    yield sorted(world.drawn.items())
    yield drawn_so_far()
    yield _found(served)
    if alarms:
        yield [client.acts_in_ns for client in served.clients]


def _found(served: Served) -> object:
    """Return what findings will be computed from."""
    observer, loop = served.observer, served.loop
    return [
        [(one.connection, one.owner, words_for(one.error)) for one in observer.escaped],
        sorted({(whose, which, words_for(error)) for error, whose, which in observer.raised}),
        list(observer.two_receivers),
        [
            (call.connection, call.ended, call.pending, call.closes, _met(call.met))
            for call in observer.calls
        ],
        [(name, _met(met)) for name, met in sorted(observer.kicked.items())],
        [
            (
                (whose, name_of(task), sorted(observer.sent_to.get(task, ()))),
                _ended(observer, unseen_exception(task)),
            )
            for task, whose in loop.started
            if task.done() and not task.cancelled() and has_unseen_exception(task)
        ],
        [(str(one.get("message")), repr(one.get("exception"))) for one in loop.errors],
        [one.values for one in loop.world.events if one.kind == "blocked"],
        sorted(observer.received.items()),
        list(observer.disconnected),
        list(loop.world.refusals),
        sorted(observer.broken.items()),
    ]


def _ended(observer: Observer, error: BaseException) -> tuple[str, str]:
    return words_for(error), observer.owner_of(error)


def _met(met: Met | None) -> object:
    return () if met is None else (words_for(met.error), met.whose, met.where)
