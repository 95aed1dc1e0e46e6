"""An application on the real kernel with clients in a thread, whose timing is left to chance.

Nothing is led: asyncio asks the real epoll, and the other ends of the connections belong to another
thread, which sends after delays that are drawn. What the application lived through then is compared
with what a search says it may.
"""

import random
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import replace
from selectors import SelectorKey
from time import monotonic, monotonic_ns, sleep
from typing import Any

from sim.aio.loop import SimLoop
from sim.aio.session import AppJob
from sim.aio.tape import Tape
from sim.aio.tcp import Port, Sent
from sim.aio.turn import Events
from sim.aio.world import EndOfRun, World
from sim.kernel.series import run_once
from sim.live.steered.kernel import RealSelector, RealWorld
from sim.live.steered.port import Ends
from sim.model.record import End, Ending, Limits
from sim.peer.client import PeerClient, acquaint
from sim.runs.app import AppSubject
from sim.schedulers.fifo import Fifo

_LONGEST_S = 5.0
_QUIET_S = 0.01
_RESET = struct.pack("ii", 1, 0)


class _ServerPort(Port):
    """A connection's real end at the server. What is put into it here comes from elsewhere."""

    def __init__(self, number: int, name: str, end: socket.socket) -> None:
        super().__init__(number, name, lambda: 0)
        self.end = end
        self.number = end.fileno()

    def put(self, what: Sent, data: bytes = b"", own: bool = False) -> None:
        """Do nothing: the thread has clients of its own."""

    def fileno(self) -> int:
        return self.end.fileno()

    def recv(self, most: int) -> bytes:
        return self.end.recv(most)

    def send(self, data: Any) -> int:
        return self.end.send(bytes(data))

    def shutdown(self, how: int) -> None:
        self.end.shutdown(how)

    def close(self) -> None:
        self.closed = True
        self.end.close()


class _ClientPort(Port):
    """The same connection as a client's thread has it."""

    def __init__(self, name: str, end: socket.socket, drawn: random.Random) -> None:
        super().__init__(0, name, monotonic_ns)
        self.end = end
        self.drawn = drawn
        self.due: list[tuple[float, Sent, bytes]] = []
        self.ended = False

    def put(self, what: Sent, data: bytes = b"", own: bool = False) -> None:
        """Send something after a while: after what was sent before it."""
        most = self.drawn.choice((0.0, 0.0001, 0.0005, 0.003))
        earliest = self.due[-1][0] if self.due else monotonic()
        self.due.append((earliest + self.drawn.random() * most, what, data))

    def write_due(self) -> None:
        while self.due and self.due[0][0] <= monotonic():
            _, what, data = self.due.pop(0)
            with suppress(OSError):
                if what is Sent.DATA:
                    self.end.sendall(data)
                elif what is Sent.FIN and not self.peer_closed:
                    self.end.shutdown(socket.SHUT_WR)
                else:
                    if what is Sent.RST:
                        self.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    self.end.close()

    def read(self) -> None:
        if self.ended or self.end.fileno() < 0:
            return
        try:
            data = self.end.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            self.ended = True
            self.peer.on_reset()
            return
        if data and not self.peer_closed:
            self.peer.on_bytes(data)
        elif not data:
            self.ended = True
            self.peer.on_fin()


class _Clients(threading.Thread):
    """The clients of one run. They begin when the server has taken the first connection."""

    def __init__(self, one: AppSubject, ends: list[Ends], seed: int) -> None:
        super().__init__(daemon=True)
        case, drawn = one.case, random.Random(seed)
        self.world = World(Fifo(), Limits(), case.bounds, False)
        self.ports = [
            _ClientPort(f"c{number}", both.client, drawn) for number, both in enumerate(ends, 1)
        ]
        self.clients = [
            PeerClient(self.world, port.name, port, script, path)
            for port, script, path in zip(self.ports, case.clients, one.paths, strict=True)
        ]
        acquaint(self.clients)
        self.begin, self.is_done = threading.Event(), threading.Event()

    def run(self) -> None:
        self.begin.wait(_LONGEST_S)
        began = monotonic_ns()
        for client in self.clients:
            client.start()
        while monotonic_ns() - began < _LONGEST_S * 1e9 and not self._are_over():
            self.world.move_to(monotonic_ns() - began)
            for port in self.ports:
                port.write_due()
                port.read()
            sleep(0)
        self.is_done.set()

    def _are_over(self) -> bool:
        both = zip(self.clients, self.ports, strict=True)
        return all(
            client.over and not port.due and (port.ended or port.end.fileno() < 0)
            for client, port in both
        )


class _FreeWorld(RealWorld):
    """A world in which nothing is led."""

    def __init__(self, job: AppJob, one: AppSubject, seed: int) -> None:
        super().__init__(job, Tape(), 0, _LONGEST_S)
        self.prepare(len(one.case.clients))
        self.clients = _Clients(one, self._prepared, seed)
        self.clients.start()

    def _new_port(self, number: int, name: str) -> Port:
        self.clients.begin.set()
        return _ServerPort(number, name, self._prepared[len(self.ports)].server)


class _FreeSelector(RealSelector):
    """Asks epoll and returns what it tells, in its order."""

    def __init__(self, world: _FreeWorld) -> None:
        super().__init__(world)
        self._free = world

    def select(self, timeout: float | None = None) -> Events:
        world = self._free
        world.turns += 1
        if self._over:
            return self._clean_up(timeout)
        self.before_turn()
        while self.threads_out():
            self.landing(True)
            timeout = 0
        left = _LONGEST_S - world.since_ns() / 1e9
        told = self._poll(min(timeout, max(left, 0)) if timeout is not None else _QUIET_S)
        while timeout is None and not told and not world.clients.is_done.is_set() and left > 0:
            told = self._poll(_QUIET_S)
            left = _LONGEST_S - world.since_ns() / 1e9
        if left <= 0 or (timeout is None and not told):
            self._over = True
            raise EndOfRun(Ending.DEADLOCK if left > 0 else Ending.TIME_LIMIT)
        keys = self._by_name()
        return [(keys[name], mask) for name, mask in told.items()]

    def _by_name(self) -> dict[str, SelectorKey]:
        ports = [port for port in self._free.ports if isinstance(port, _ServerPort)]
        return {port.name: self._keys[port.number] for port in ports if port.number in self._keys}


def live_through(one: AppSubject, seed: int) -> End:
    """Serve an application to clients whose timing is drawn. Return the run."""
    worlds: list[_FreeWorld] = []

    def make(job: AppJob) -> SimLoop:
        worlds.append(_FreeWorld(job, one, seed))
        return SimLoop(worlds[0], _FreeSelector(worlds[0]))

    try:
        return run_once(replace(one.job(Fifo()), system=make))
    finally:
        for world in worlds:
            world.clients.join(_LONGEST_S)
            world.close()


def history_of(end: End) -> tuple[tuple[str, str, str], ...]:
    """Return what the application lived through: every call, send and receive, in order."""
    found = []
    for event in end.events:
        if event.kind == "stop":
            break
        if event.kind.startswith(("app.", "asgi.")):
            found.append((event.task, event.kind, repr(sorted(event.values.items()))))
    return tuple(found)
