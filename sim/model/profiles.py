"""Server profiles: what each release of a real server does, read off its source.

Each value names the source that it models. uvicorn 0.23.2 to 0.54.0
(uvicorn/protocols/websockets/: websockets_impl.py, wsproto_impl.py, websockets_sansio_impl.py),
websockets' legacy implementation (websockets/legacy/protocol.py), hypercorn 0.14.4 to 0.18.0
(hypercorn/protocol/ws_stream.py, hypercorn/protocol/h11.py, hypercorn/asyncio/tcp_server.py,
hypercorn/trio/tcp_server.py). Every release in these ranges was read; where one differs from the
one before it, the version stands in the code.
"""

import re
from collections.abc import Callable, Mapping

from sim.errors import UserError
from sim.model.plain import near
from sim.model.stacks import STACKS, ServerStack, Version, find_stack
from sim.model.switches import OnAccept, OnReturn, OnSend, OwnClose, ServerProfile


def _app_returns(version: Version) -> OnReturn:
    # run_asgi: since 0.39.0 it closes the transport (unless a close_timer runs), before it did
    # nothing; websockets_impl.py only sets closed_event there.
    return OnReturn.DROP if version >= (0, 39) else OnReturn.STAY


def _gone(version: Version) -> OnSend:
    # send: since 0.27.0 the library's error becomes ClientDisconnected (protocols/utils.py).
    return OnSend.RAISE if version >= (0, 27) else OnSend.LEAK


def _legacy(name: str, version: Version) -> ServerProfile:
    return ServerProfile(
        name=name,
        # websockets_impl.py, asgi_send: ConnectionClosed becomes ClientDisconnected.
        send_closed=_gone(version),
        send_lost=_gone(version),
        # legacy/protocol.py, write_frame and drain: a failed write closes the transport, drain
        # yields, and ensure_open raises once the connection is lost.
        send_reset_first=_gone(version),
        send_drains=True,
        send_turns=0,
        ready_turns=0,
        # legacy/protocol.py, recv: asyncio.wait adds the turn of its done callback.
        woken_turns=1,
        # websockets_impl.py, asgi_send: accept only sets handshake_started_event.
        accept_gone=OnAccept.SILENT,
        pause_after_message=False,
        # legacy/protocol.py, transfer_data: a task reads frames into a deque.
        reader_task=True,
        # legacy/protocol.py, recv: _pop_message_waiter is not None.
        one_receiver=True,
        # legacy/protocol.py, recv: waits for transfer_data_task, then for close_connection_task.
        close_waits_for_tcp=True,
        # As wsproto's: legacy/protocol.py, eof_received, returns None too.
        loss_by_callback=True,
        loss_always_queued=False,
        # legacy/protocol.py, close_code: 1006 when no close frame came.
        lost_after_handshake=1006,
        keeps_close_code=True,
        own_close=OwnClose.LEGACY,
        own_close_waits=True,
        app_returns=_app_returns(version),
        # websockets_impl.py, shutdown: fail_connection(1012).
        shutdown_code=1012,
    )


def _queued(name: str, version: Version) -> ServerProfile:
    # 0.52.1: send looks at self.disconnected first, and a close starts close_timer.
    looks = version >= (0, 52, 1)
    return ServerProfile(
        name=name,
        # wsproto_impl.py: LocalProtocolError; websockets_sansio_impl.py: InvalidState.
        send_closed=_gone(version),
        # send: before 0.52.1 it writes to a closed transport.
        send_lost=OnSend.RAISE if looks else OnSend.SILENT,
        # transport.write fails later, in connection_lost.
        send_reset_first=OnSend.SILENT,
        send_drains=False,
        # send waits only for self.writable, which is set: no scheduling point.
        send_turns=0,
        # receive: asyncio's Queue.get does not yield when there is something.
        ready_turns=0,
        woken_turns=0,
        # send: before 0.52.1 connection_lost has set handshake_complete, so accept is out of turn.
        accept_gone=OnAccept.OSERROR if looks else OnAccept.RUNTIME_ERROR,
        # handle_text / send_receive_event_to_app: transport.pause_reading().
        pause_after_message=True,
        reader_task=False,
        one_receiver=False,
        # handle_close: queue.put_nowait.
        close_waits_for_tcp=False,
        # asyncio/selector_events.py: a reset ends in _force_close, FIN in close, because
        # eof_received returns None. Both let is_closing be true and leave connection_lost, which
        # tells the protocol, to call_soon.
        loss_by_callback=True,
        # connection_lost: queue.put_nowait; 1005 if handshake_complete else 1006.
        loss_always_queued=True,
        lost_after_handshake=1005,
        keeps_close_code=True,
        own_close=OwnClose.QUEUED,
        # send, websocket.close: before 0.52.1 it closes the transport.
        own_close_waits=looks,
        app_returns=_app_returns(version),
        # shutdown: queues 1012.
        shutdown_code=1012,
    )


def _hypercorn_asyncio(name: str, version: Version) -> ServerProfile:
    # drain() of an open transport does not yield; asyncio/task_group.py: nor does Queue.get.
    return _hypercorn(name, send_turns=0, ready_turns=0)


def _hypercorn_trio(name: str, version: Version) -> ServerProfile:
    # send_lock and the socket's send are a checkpoint each (trio/_sync.py, Lock.acquire;
    # trio/_socket.py, _nonblocking_helper). task_group.py: a memory channel, whose receive is one
    # also when it takes what is there (trio/_channel.py).
    return _hypercorn(name, send_turns=2, ready_turns=1)


def _hypercorn(name: str, send_turns: int, ready_turns: int) -> ServerProfile:
    return ServerProfile(
        name=name,
        # ws_stream.py, app_send: returns at once when closed; _send_wsproto_event swallows.
        send_closed=OnSend.SILENT,
        send_lost=OnSend.SILENT,
        send_reset_first=OnSend.SILENT,
        # tcp_server.py, protocol_send: drain and send_all notice, and tell the protocol.
        send_drains=True,
        send_turns=send_turns,
        ready_turns=ready_turns,
        woken_turns=0,
        accept_gone=OnAccept.SILENT,
        pause_after_message=False,
        # tcp_server.py, _read_data feeds the protocol, which puts into the application's queue.
        reader_task=True,
        one_receiver=False,
        close_waits_for_tcp=False,
        # tcp_server.py, _read_data: reading ends, or raises.
        loss_by_callback=False,
        # ws_stream.py, handle(StreamClosed): once; ABNORMAL_CLOSURE unless the server closed first.
        loss_always_queued=False,
        lost_after_handshake=1006,
        keeps_close_code=False,
        own_close=OwnClose.REPLY,
        own_close_waits=True,
        # ws_stream.py, app_send(None): INTERNAL_ERROR, then StreamClosed.
        app_returns=OnReturn.CLOSE,
        # asyncio/run.py, trio/run.py: after graceful_timeout the server's tasks are cancelled.
        shutdown_code=None,
    )


_BUILD: Mapping[str, Callable[[str, Version], ServerProfile]] = {
    "uvicorn-websockets": _legacy,
    "uvicorn-wsproto": _queued,
    "uvicorn-sansio": _queued,
    "hypercorn-asyncio": _hypercorn_asyncio,
    "hypercorn-trio": _hypercorn_trio,
}
"""What makes the profiles of a stack, by their family."""
_NAME = re.compile(r"([a-z-]+)@(\d{1,4}(?:\.\d{1,4}){1,2})")


def _built(name: str) -> ServerProfile | None:
    match = _NAME.fullmatch(name)
    stack = find_stack(match[1]) if match else None
    if match is None or stack is None:
        return None
    version = tuple(map(int, match[2].split(".")))
    if version < stack.oldest or version[: len(stack.newest)] > stack.newest:
        return None
    return _BUILD[stack.family](f"{stack.family}@{match[2]}", version)


PROFILES: dict[str, ServerProfile] = {
    profile.name: profile
    for stack in STACKS.values()
    for release in stack.offered
    if (profile := _built(f"{stack.family}@{release}")) is not None
}
"""The profiles that are offered, by name; the first is the default. Others: `profile_named`."""

DEFAULT_PROFILE = next(iter(PROFILES))


def profile_named(name: str) -> ServerProfile:
    """Return the profile called `name`: an offered one, or "family@version" of another release.

    The name of a stack may stand for its family; the profile is called by the family.
    Raises UserError with the names and the releases that there are.
    """
    profile = PROFILES.get(name) or _built(name)
    if profile is None:
        raise UserError(
            f"server profile: {name!r} is unknown; allowed: {allowed()}{near(name, PROFILES)}"
        )
    return profile


def allowed() -> str:
    """Return the names that are offered, and which other releases can be named, in one line."""
    ranges = [
        f"{stack.family}@{_dotted(stack.oldest)} to {_dotted(stack.newest)}"
        for stack in STACKS.values()
    ]
    return f"{', '.join(PROFILES)}; other releases: {', '.join(ranges)}"


def closes_each(stack: ServerStack) -> bool:
    """Whether the shutdown of a stack's server closes each connection by itself."""
    return profile_named(f"{stack.family}@{_dotted(stack.newest)}").shutdown_code is not None


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
