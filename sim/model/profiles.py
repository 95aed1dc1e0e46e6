"""Server profiles: what real servers do at the edges of a connection, as a handful of switches.

Each switch names the library source that it models. Versions: uvicorn 0.35.0 and 0.54.0
(uvicorn/protocols/websockets/: websockets_impl.py, wsproto_impl.py, websockets_sansio_impl.py),
websockets' legacy implementation (websockets/legacy/protocol.py), hypercorn 0.18.0
(hypercorn/protocol/ws_stream.py, hypercorn/protocol/h11.py, hypercorn/asyncio/tcp_server.py,
hypercorn/trio/tcp_server.py).
"""

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from sim.errors import UserError


class OnSend(StrEnum):
    """What `send` does when the client is gone."""

    RAISE = "raise"
    """An OSError: uvicorn's ClientDisconnected."""
    SILENT = "silent"
    """It returns as if all were well."""


class OnAccept(StrEnum):
    """What `accept` does when the client left before it."""

    OSERROR = "oserror"
    RUNTIME_ERROR = "runtime_error"
    SILENT = "silent"


class OwnClose(StrEnum):
    """When and with which code a disconnect follows the server's own close."""

    QUEUED = "queued"
    """At once, with the code that was sent (uvicorn wsproto and sansio, `send`)."""
    REPLY = "reply"
    """1000, when the client's reply has come (hypercorn, `handle(StreamClosed)`)."""
    LEGACY = "legacy"
    """`close` waits for the end of the TCP connection; whoever waits in receive gets the code of
    the client's reply, whoever asks later 1005 (websockets legacy, `close`; `asgi_receive`)."""


class OnReturn(StrEnum):
    """What the server does when the application has returned without closing."""

    STAY = "stay"
    """Nothing: the connection stays open."""
    DROP = "drop"
    """It ends the TCP connection without a close frame."""
    CLOSE = "close"
    """It sends a close frame with 1011, then ends the TCP connection."""


@dataclass(frozen=True, slots=True)
class ServerProfile:
    """What a server does where servers differ.

    send_closed: `send` after a clean client close was processed, or after shutdown. send_lost:
    `send` after a lost connection was processed. send_reset_first: the first `send` on a socket
    that was reset, before the server has read the reset. send_drains: whether such a failed write
    gives other tasks a turn. send_yields: whether every `send` does. accept_gone: `accept` with the
    client gone. pause_after_message: reading stops after each message until the application has
    taken it. reader_task: frames pass through a task of their own before they reach the
    application. one_receiver: a second task that receives gets an error. close_waits_for_tcp: a
    clean close is delivered only when the TCP connection has ended. loss_always_queued: the end of
    the TCP connection queues a disconnect even after another one. lost_after_handshake: its code
    once the handshake is complete (before it: 1006). keeps_close_code: whether a client's close
    code reaches the application (else 1006). own_close: what follows the server's own close.
    own_close_waits: whether the TCP connection stays for the client's reply. app_returns: what
    follows when the application returns. shutdown_code: the disconnect code when the server
    shuts down; None where nothing is delivered and the application is cancelled in the end.
    """

    name: str
    send_closed: OnSend
    send_lost: OnSend
    send_reset_first: OnSend
    send_drains: bool
    send_yields: bool
    accept_gone: OnAccept
    pause_after_message: bool
    reader_task: bool
    one_receiver: bool
    close_waits_for_tcp: bool
    loss_always_queued: bool
    lost_after_handshake: int
    keeps_close_code: bool
    own_close: OwnClose
    own_close_waits: bool
    app_returns: OnReturn
    shutdown_code: int | None


def _legacy(version: str, app_returns: OnReturn) -> ServerProfile:
    return ServerProfile(
        name=f"uvicorn-websockets@{version}",
        # websockets_impl.py, asgi_send: ConnectionClosed becomes ClientDisconnected.
        send_closed=OnSend.RAISE,
        send_lost=OnSend.RAISE,
        # legacy/protocol.py, write_frame and drain: a failed write closes the transport, drain
        # yields, and ensure_open raises once the connection is lost.
        send_reset_first=OnSend.RAISE,
        send_drains=True,
        send_yields=False,
        # websockets_impl.py, asgi_send: accept only sets handshake_started_event.
        accept_gone=OnAccept.SILENT,
        pause_after_message=False,
        # legacy/protocol.py, transfer_data: a task reads frames into a deque.
        reader_task=True,
        # legacy/protocol.py, recv: _pop_message_waiter is not None.
        one_receiver=True,
        # legacy/protocol.py, recv: waits for transfer_data_task, then for close_connection_task.
        close_waits_for_tcp=True,
        loss_always_queued=False,
        # legacy/protocol.py, close_code: 1006 when no close frame came.
        lost_after_handshake=1006,
        keeps_close_code=True,
        own_close=OwnClose.LEGACY,
        own_close_waits=True,
        # websockets_impl.py, run_asgi: 0.54 closes the transport, 0.35 only sets closed_event.
        app_returns=app_returns,
        # websockets_impl.py, shutdown: fail_connection(1012).
        shutdown_code=1012,
    )


def _queued(
    name: str, send_lost: OnSend, accept_gone: OnAccept, own_close_waits: bool, returns: OnReturn
) -> ServerProfile:
    return ServerProfile(
        name=name,
        # wsproto_impl.py: LocalProtocolError; websockets_sansio_impl.py: InvalidState.
        send_closed=OnSend.RAISE,
        # send: 0.35 writes to a closed transport; 0.54 looks at self.disconnected first.
        send_lost=send_lost,
        # transport.write fails later, in connection_lost.
        send_reset_first=OnSend.SILENT,
        send_drains=False,
        # send waits only for self.writable, which is set: no scheduling point.
        send_yields=False,
        # send: on 0.35 connection_lost has set handshake_complete, so accept is out of turn.
        accept_gone=accept_gone,
        # handle_text / send_receive_event_to_app: transport.pause_reading().
        pause_after_message=True,
        reader_task=False,
        one_receiver=False,
        # handle_close: queue.put_nowait.
        close_waits_for_tcp=False,
        # connection_lost: queue.put_nowait; 1005 if handshake_complete else 1006.
        loss_always_queued=True,
        lost_after_handshake=1005,
        keeps_close_code=True,
        own_close=OwnClose.QUEUED,
        # send, websocket.close: 0.35 closes the transport, 0.54 starts close_timer.
        own_close_waits=own_close_waits,
        # run_asgi: 0.54 closes the transport unless close_timer runs, 0.35 does nothing.
        app_returns=returns,
        # shutdown: queues 1012.
        shutdown_code=1012,
    )


def _queued_035(name: str) -> ServerProfile:
    return _queued(name, OnSend.SILENT, OnAccept.RUNTIME_ERROR, False, OnReturn.STAY)


def _queued_054(name: str) -> ServerProfile:
    return _queued(name, OnSend.RAISE, OnAccept.OSERROR, True, OnReturn.DROP)


def _hypercorn(name: str, send_yields: bool) -> ServerProfile:
    return ServerProfile(
        name=name,
        # ws_stream.py, app_send: returns at once when closed; _send_wsproto_event swallows.
        send_closed=OnSend.SILENT,
        send_lost=OnSend.SILENT,
        send_reset_first=OnSend.SILENT,
        # tcp_server.py, protocol_send: drain and send_all notice, and tell the protocol.
        send_drains=True,
        # asyncio: drain() of an open transport does not yield; trio: send_all is a checkpoint.
        send_yields=send_yields,
        accept_gone=OnAccept.SILENT,
        pause_after_message=False,
        # tcp_server.py, _read_data feeds the protocol, which puts into the application's queue.
        reader_task=True,
        one_receiver=False,
        close_waits_for_tcp=False,
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


PROFILES: dict[str, ServerProfile] = {
    profile.name: profile
    for profile in (
        _legacy("0.35", OnReturn.STAY),
        _queued_035("uvicorn-wsproto@0.35"),
        _queued_035("uvicorn-sansio@0.35"),
        _legacy("0.54", OnReturn.DROP),
        _queued_054("uvicorn-wsproto@0.54"),
        _queued_054("uvicorn-sansio@0.54"),
        _hypercorn("hypercorn-asyncio@0.18", send_yields=False),
        _hypercorn("hypercorn-trio@0.18", send_yields=True),
    )
}
"""The profiles that exist, by name; the first is the default."""

DEFAULT_PROFILE = next(iter(PROFILES))


def profile_named(name: str) -> ServerProfile:
    """Return the profile called `name`. Raises UserError with the names there are."""
    profile = PROFILES.get(name)
    if profile is None:
        near = get_close_matches(name, PROFILES, n=1)
        hint = f"; did you mean {near[0]!r}" if near else ""
        allowed = ", ".join(PROFILES)
        raise UserError(f"server profile: {name!r} is unknown{hint}; allowed: {allowed}")
    return profile
