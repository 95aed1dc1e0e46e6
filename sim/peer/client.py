"""The client at the other end of a simulated connection: it reacts, and is no task.

What it does it does at once, in the moment in which it is told something or an alarm of its own
rings; what it sends is under way then, and arrives when the run lets it. Reading late would be the
same as what it sends being long under way.

Like a browser it answers pings and the server's close by itself, and closes the TCP connection when
the server has. It gives up an unanswered close of its own after ten seconds.
"""

import json
from collections.abc import Callable, Sequence

from sim.aio.tcp import Peer, Port, Sent
from sim.aio.world import Alarm, World, to_ns
from sim.model.appscript import ASIDE, REQUESTS, Act, Script, Step, frame_of
from sim.model.client import CLOSE_TIMEOUT_S, LOST
from sim.model.frames import Frame, FrameKind
from sim.model.script import Action, Do
from sim.peer.codec import ClientCodec
from sim.peer.request import Request

HOST = "127.0.0.1:8000"
_SENDS = (Act.SEND, Act.SEND_BYTES, Act.PING, Act.CLOSE)


class PeerClient(Peer):
    """One client, following its script."""

    def __init__(
        self, world: World, name: str, port: Port | None, script: Script, path: str
    ) -> None:
        """Prepare. port: its WebSocket's, None if it opens none. path: what it asks for."""
        self.name = name
        self.script = script
        self.opened = False
        self.over = ""
        """How its connection ended: "close 1000", "reject 403", "lost"; "" while it has not."""
        self.got: list[Frame] = []
        """The messages that it received."""
        self.sent = 0
        """Messages that it sent."""
        self.others: dict[str, PeerClient] = {}
        """All clients of the run, by their names."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when it is open, has got a message, or is over."""
        self.connect: Callable[[Request], None] = lambda request: None
        """Called with a request that it makes, which is to get a connection of its own."""
        self.requests: list[Request] = []
        """The requests that it has made besides."""
        self.held = False
        """Whether it waits until it is told to go on, though it is open."""
        self._world = world
        self._port = port
        self._path = path
        self._codec = ClientCodec()
        self._next = 0
        self._answers: list[tuple[str, str]] = []
        self._counted = self._waited = 0
        self._closing = self._half_closed = self._mute = False
        self._gone = False
        """Whether it has ended its half of the TCP connection."""
        self._how = LOST
        self._alarm: Alarm | None = None
        self._patience: Alarm | None = None
        self._given_up_at: int | None = None
        """When it gives up an unanswered close of its own."""
        self._unread = 0
        """Bytes that it has received: a frame may be half here."""
        self._slept = False
        if port is not None:
            port.peer = self

    def start(self) -> None:
        """Ask for the connection; without one go on with the script."""
        if self._port is None:
            self.opened = True
            self.on_change()
            self.step()
            return
        headers, names = self.script.headers, self.script.subprotocols
        connect = Action(Do.CONNECT, None, names, headers)
        self._put(Sent.DATA, self._codec.request(HOST, self._path, connect), own=True)
        first = self.script.steps[0]
        if first.act in (Act.HANGUP, Act.RST):
            is_reset = first.act is Act.RST or first.text == "rst"
            self._leave(Sent.RST if is_reset else Sent.FIN)
            self._next = 1
            self._end(LOST)

    @property
    def waits_for(self) -> str:
        """What its script stands at, in words; "" if it has nothing more to do."""
        step = self.script.steps[self._next] if self._next < len(self.script.steps) else None
        if step is not None and step.act in REQUESTS and self.requests:
            return f"an answer to {self.requests[-1].words}"
        if self.over or self._gone:
            return ""
        if not self.opened:
            return "an answer to its request"
        if step is not None:
            if step.act is Act.WAIT:
                missing = self._waited + step.number - self._counted
                return f"{missing} message{'s' if missing > 1 else ''} more"
            if step.act is Act.AFTER:
                return f"{step.text} to get {step.number} in all"
        return "the end of the connection" if self._closing else ""

    @property
    def stands_on(self) -> str:
        """The connection that its script waits for: its WebSocket's, or that of a request."""
        open_requests = (one.name for one in self.requests if not one.over)
        return next(open_requests, self.name)

    @property
    def done(self) -> bool:
        """Whether it has done all that its script says, as far as its connection lasted.

        Requests have connections of their own.
        """
        left = self.script.steps[self._next :]
        is_cut = bool(self.over) or self._gone
        return not left or (is_cut and not any(step.act in REQUESTS for step in left))

    @property
    def has_left(self) -> bool:
        """Whether its connection is over, and nothing more comes of it."""
        return bool(self.over) and self.done

    def step(self) -> None:
        """Go on with the script as far as it goes."""
        while not self.done and (self.opened or self.over) and not self.held:
            step = self.script.steps[self._next]
            if (self.over or self._gone) and step.act not in ASIDE:
                self._next += 1
                continue
            if step.act in _SENDS and (self._closing or self._half_closed):
                left = self.script.steps[self._next :]
                if not any(step.act in REQUESTS for step in left):
                    self._next = len(self.script.steps)  # it has said its last word
                    return
                self._next += 1
                continue
            if not self._may_pass(step):
                return
            self._next += 1
            self._do(step)
        if self._port is None and self.done:
            self._end("done")

    def __standing__(self) -> object:
        """Return what of it matters for what is to come, and for what is found in the end, but for
        when it acts by itself.

        What it has got counts as far as it is going to wait for it.
        """
        ahead = self._counted - self._waited if self._waits_again() else None
        got = len(self.got) if self._watched() else None
        return [
            (self.opened, self.held, self.over, self._next, ahead, got, self._how),
            (self._closing, self._half_closed, self._mute, self._gone, self._slept),
            self._answers,
            self._unread if self._world.bounds.partial else None,
            [request.__standing__() for request in self.requests],
        ]

    @property
    def acts_in_ns(self) -> tuple[int | None, int | None]:
        """When it goes on with its script by itself, and when it gives up waiting, from now on."""
        world, alarm = self._world, self._alarm
        given_up = None if self.patience_ns else world.from_now(self._given_up_at)
        return world.from_now(alarm.due_ns if alarm is not None else None), given_up

    @property
    def patience_ns(self) -> int:
        """How long it goes on waiting for the answer to a close that is still under way."""
        awaits = self._port is not None and bool(self._port.under_way)
        left = self._world.from_now(self._given_up_at) if awaits else None
        return left or 0

    def _waits_again(self) -> bool:
        """Whether it is going to wait for messages."""
        return any(step.act is Act.WAIT for step in self.script.steps[self._next :])

    def _watched(self) -> bool:
        """Whether another client waits for what it gets."""
        return any(
            step.act is Act.AFTER and step.text == self.name
            for other in self.others.values()
            for step in other.script.steps[other._next :]
        )

    # -- what it is told -----------------------------------------------------------------------

    def on_bytes(self, data: bytes) -> None:
        """Take in what the server has sent."""
        self._unread += len(data)
        for frame in self._codec.decode(data):
            self._take(frame)
        self.step()

    def on_fin(self) -> None:
        """The server sends no more: close this side, too."""
        if not self._gone:
            self._leave(Sent.FIN)
        self._end(self._how)

    def on_reset(self) -> None:
        """The server is gone, and what was under way to it is lost."""
        self._gone = True
        if self._port is not None:
            self._port.peer_closed = True
        self._end(self._how)

    def _take(self, frame: Frame) -> None:
        kind = frame.kind
        if kind is FrameKind.ACCEPT:
            self._event("client.opened", subprotocol=frame.text)
            self.opened = True
            self.on_change()
        elif kind in (FrameKind.TEXT, FrameKind.BYTES):
            self._message(frame)
        elif kind is FrameKind.PING:
            self._answer(frame._replace(kind=FrameKind.PONG))
        elif kind is FrameKind.CLOSE:
            self._how = frame.brief()
            if not self._closing:
                self._answer(frame)
                self._closing = not self._mute
        elif kind is FrameKind.REJECT:
            self._how = frame.brief()
            self._leave(Sent.FIN)
            self._end(self._how)
        else:
            self._leave(Sent.RST)
            self._end(LOST)

    def _message(self, frame: Frame) -> None:
        self._event("client.got", frame=frame.brief())
        self.got.append(frame)
        answer = next((said for heard, said in self._answers if frame.text.startswith(heard)), None)
        if answer is None:
            self._counted += 1
        else:
            self._answer(Frame(FrameKind.TEXT, text=answer))
        self.on_change()

    # -- what it does --------------------------------------------------------------------------

    def _may_pass(self, step: Step) -> bool:
        """Whether what a step waits for has come."""
        if step.act is Act.WAIT:
            if self._counted < self._waited + step.number:
                return False
            self._waited += step.number
        elif step.act is Act.AFTER:
            other = self.others.get(step.text)
            return other is not None and len(other.got) >= step.number
        elif step.act in REQUESTS:
            return self._is_answered(step)
        elif step.act is Act.SLEEP and not self._slept:
            if self._alarm is None:
                due = self._world.now_ns + to_ns(step.number)
                self._alarm = self._world.at(due, self._wake, self.name)
                self._world.acted(due)
            return False
        self._slept = False
        return True

    def _is_answered(self, step: Step) -> bool:
        """Whether a request is answered; the first time it is asked, the request is made."""
        made = sum(one.act in REQUESTS for one in self.script.steps[: self._next])
        if len(self.requests) > made:
            return bool(self.requests[made].over)
        name = self.script.connections(self.name)[self.script.connects + made]
        self.requests.append(Request(self._world, self.name, name, step, self.step))
        self.connect(self.requests[-1])
        return False

    def _wake(self) -> None:
        self._alarm, self._slept = None, True
        self.step()

    def _do(self, step: Step) -> None:
        act = step.act
        if act in _SENDS:
            self._own_act()
            frame = frame_of(step)
            if act in (Act.SEND, Act.SEND_BYTES):
                self.sent += 1
                self._event("client.sent", frame=frame.brief())
            self._put(Sent.DATA, self._codec.encode(frame), own=True)
            if act is Act.CLOSE:
                self._closing = True
                self._given_up_at = self._world.now_ns + to_ns(CLOSE_TIMEOUT_S * 1000)
                self._patience = self._world.at(self._given_up_at, self._give_up, self.name)
        elif act is Act.FIN:
            self._own_act()
            self._event("client.drop", how="fin")
            self._half_closed = True
            self._put(Sent.FIN)
        elif act in (Act.DROP, Act.RST):
            self._own_act()
            self._event("client.drop", how=str(act))
            self._leave(Sent.RST if act is Act.RST else Sent.FIN)
            self._end(LOST)
        elif act is Act.MUTE:
            self._mute = True
        elif act is Act.ON:
            heard, said = json.loads(step.text)
            self._answers.append((heard, said))

    def _own_act(self) -> None:
        """What it does of its own accord keeps the run going; answers do not."""
        self._world.acted()

    def _give_up(self) -> None:
        if not self.over:
            self._leave(Sent.FIN)
            self._end(LOST)

    def _answer(self, frame: Frame) -> None:
        if not self._mute and not self._gone:
            self._put(Sent.DATA, self._codec.encode(frame))

    def _leave(self, how: Sent) -> None:
        """Be gone: later bytes of the server are answered by a reset."""
        if not self._gone and self._port is not None:
            self._gone = True
            self._port.peer_closed = True
            self._put(how)

    def _put(self, what: Sent, data: bytes = b"", own: bool = False) -> None:
        assert self._port is not None, "who has no WebSocket sends nothing on it"
        self._port.put(what, data, own)

    def _end(self, how: str) -> None:
        if not self.over:
            self.over = how
            self._given_up_at = None
            if self._patience is not None:
                self._patience.cancelled = True
            self._event("client.over", how=how)
            self.on_change()

    def _event(self, kind: str, **values: str) -> None:
        self._world.event(kind, self.name, connection=self.name, **values)


def acquaint(clients: Sequence[PeerClient]) -> None:
    """Let clients know of each other: some wait for what another one gets."""
    known = {client.name: client for client in clients}

    def changed() -> None:
        for client in clients:
            client.step()

    for client in clients:
        client.others = known
        client.on_change = changed
