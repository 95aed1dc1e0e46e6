"""The client of a live run: a raw socket in a thread of its own, following its script.

It records what the simulated clients record (sim/client/base.py). Injections act on it from the
server's thread: `act` and `drop` write within the call, so that the bytes are in the kernel when
they return.
"""

import threading
import time
from collections.abc import Callable

from sim.live.recorder import TASK, Recorder
from sim.live.wire import LiveWire
from sim.model.client import CLOSE_TIMEOUT_S, LOST, ClientSpec
from sim.model.frames import Frame, FrameKind
from sim.model.script import Action, Do, frame_of
from sim.model.ticks import seconds

_SENDS = (Do.SEND, Do.SEND_BYTES, Do.PING, Do.CLOSE)


class _Stopped(Exception):
    """The run has ended."""


class LiveClient:
    """One client. The delays of its links are not used: these links are real.

    spec: its script; times are real. address: the server's. target: the path that it asks for.
    """

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        spec: ClientSpec,
        address: tuple[str, int],
        target: str,
    ) -> None:
        self.name = name
        self.over = ""
        self._recorder = recorder
        self._spec = spec
        self._address = address
        self._target = target
        self._lock = threading.RLock()
        self._wire = LiveWire()
        self._opened = False
        self._closing = False
        self._dropped = False
        self._stopped = False
        self._how = LOST
        self._received = 0
        self._waited = 0
        self._thread = threading.Thread(target=self._run, name=f"wsrace-{name}", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the connection, if need be by a reset, and the thread."""
        with self._lock:
            self._stopped = True
            self._wire.reset()
        self._wire.wake()

    def finished(self, timeout_s: float) -> bool:
        """Wait for the end of the thread, at most for `timeout_s`; return whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # -- for any thread ------------------------------------------------------------------------

    def act(self, frame: Frame) -> None:
        """Send a frame now, unless this side has ended the connection."""
        with self._lock:
            if self._dropped or self._closing:
                return
            self._closing = frame.kind is FrameKind.CLOSE
            if frame.kind in (FrameKind.TEXT, FrameKind.BYTES):
                self._event("client.sent", frame=frame.brief())
            self._wire.send(frame)

    def write(self, frame: Frame) -> None:
        """Send a message that counts as sent even where this side has begun to close."""
        with self._lock:
            if self._closing or self.over:
                self._event("client.sent", frame=frame.brief())
            else:
                self.act(frame)

    def drop(self, kind: FrameKind) -> None:
        """End the TCP connection by FIN or RST."""
        with self._lock:
            if not self._dropped:
                self._dropped = True
                if kind is FrameKind.RST:
                    self._wire.reset()
                else:
                    self._wire.fin()
            if kind is FrameKind.RST:
                self._ended(LOST)
        self._wire.wake()

    # -- in its own thread ---------------------------------------------------------------------

    def _run(self) -> None:
        TASK.set(self.name)
        try:
            self._follow()
        except (_Stopped, OSError):
            self._ended(LOST)
        finally:
            with self._lock:
                self._dropped = True
                self._wire.close()

    def _follow(self) -> None:
        if self._spec.start:
            self._until(_never, seconds(self._spec.start))
        connect, *rest = self._spec.script
        self._wire.connect(self._address)
        with self._lock:
            self._wire.ask(self._address[0], self._target, connect)
        self._until(lambda: self._opened)
        for action in rest:
            if self.over and action.do not in (Do.FIN, Do.RST):
                self._event("client.stopped", at=str(action.do), because=self.over)
                break
            if action.do in _SENDS and (self._dropped or self._closing):
                break
            self._do(action)
        if self._closing:
            self._until(_never, CLOSE_TIMEOUT_S)
            if not self.over:
                self.drop(FrameKind.FIN)
        self._until(_never)

    def _do(self, action: Action) -> None:
        value = action.value
        if action.do is Do.SLEEP:
            self._until(_never, seconds(int(value or 0)))
        elif action.do is Do.WAIT:
            self._waited += int(value or 1)
            self._until(lambda: self._received >= self._waited)
        elif action.do is Do.SILENT:
            self._until(_never)
        elif action.do in (Do.FIN, Do.RST):
            self._event("client.drop", how=str(action.do))
            self.drop(FrameKind(action.do))
        else:
            self.act(frame_of(action))

    def _until(self, done: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Take in what comes until `done`, until the connection is over, or until the time is."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self.over and not done():
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return
            self._wire.wait(left)
            with self._lock:
                if self._stopped:
                    raise _Stopped
                for frame in self._wire.read():
                    self._take(frame)

    def _take(self, frame: Frame) -> None:
        kind = frame.kind
        if kind is FrameKind.ACCEPT:
            self._event("client.opened", subprotocol=frame.text)
            self._opened = True
        elif kind in (FrameKind.TEXT, FrameKind.BYTES):
            self._event("client.got", frame=frame.brief())
            self._received += 1
        elif kind is FrameKind.CLOSE:
            self._how = frame.brief()
            if not self._closing:
                self._closing = True
                self._wire.send(frame)
        elif kind is FrameKind.REJECT:
            self._how = frame.brief()
        else:
            self.drop(FrameKind.FIN)
            self._ended(self._how)

    def _ended(self, how: str) -> None:
        with self._lock:
            if not self.over:
                self._event("client.over", how=how)
                self.over = how

    def _event(self, kind: str, **values: str) -> None:
        self._recorder.event(kind, connection=self.name, **values)


def _never() -> bool:
    return False
