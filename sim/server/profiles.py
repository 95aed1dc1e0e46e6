"""Server profiles: what real servers do at the edges of a connection, as a dozen switches.

Each switch names the library source that it models. Versions: uvicorn 0.35.0 and 0.54.0
(uvicorn/protocols/websockets/), websockets' legacy implementation, hypercorn 0.18.0
(hypercorn/protocol/ws_stream.py, hypercorn/asyncio/tcp_server.py, hypercorn/trio/tcp_server.py).
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
    """1001 while the closing handshake is open, then 1005 (websockets legacy, `close`)."""


@dataclass(frozen=True, slots=True)
class ServerProfile:
    """What a server does where servers differ.

    send_closed: `send` after a clean client close was processed. send_lost: `send` after a lost
    connection was processed. send_reset_first: the first `send` on a socket that was reset, before
    the server has read the reset. send_yields: whether `send` gives other tasks a turn.
    accept_gone: `accept` with the client gone. pause_after_message: reading stops after each
    message until the application has taken it. reader_task: frames pass through a task of their
    own before they reach the application. close_waits_for_tcp: a clean close is delivered only
    when the TCP connection has ended. lost_after_handshake: the code of a lost connection once the
    handshake is complete (before it: 1006). keeps_close_code: whether a client's close code reaches
    the application (else 1006). own_close: what follows the server's own close. shutdown_code: the
    disconnect code when the server shuts down, None where nothing is delivered.
    """

    name: str
    send_closed: OnSend
    send_lost: OnSend
    send_reset_first: OnSend
    send_yields: bool
    accept_gone: OnAccept
    pause_after_message: bool
    reader_task: bool
    close_waits_for_tcp: bool
    lost_after_handshake: int
    keeps_close_code: bool
    own_close: OwnClose
    shutdown_code: int | None


def _legacy(version: str, accept_gone: OnAccept) -> ServerProfile:
    return ServerProfile(
        name=f"uvicorn-websockets@{version}",
        # websockets_impl.py, asgi_send: ConnectionClosed becomes ClientDisconnected.
        send_closed=OnSend.RAISE,
        send_lost=OnSend.RAISE,
        # websockets/legacy/protocol.py, drain: a failed write closes the transport, and drain
        # then yields until connection_lost has run.
        send_reset_first=OnSend.RAISE,
        send_yields=False,
        # websockets_impl.py, asgi_send: accept only sets handshake_started_event.
        accept_gone=accept_gone,
        pause_after_message=False,
        # websockets/legacy/protocol.py, transfer_data: a task reads frames into a deque.
        reader_task=True,
        # websockets/legacy/protocol.py, recv: waits for transfer_data and close_connection.
        close_waits_for_tcp=True,
        lost_after_handshake=1006,
        keeps_close_code=True,
        own_close=OwnClose.LEGACY,
        # websockets_impl.py, shutdown: fail_connection(1012).
        shutdown_code=1012,
    )


def _sans_io(name: str, send_lost: OnSend, accept_gone: OnAccept) -> ServerProfile:
    return ServerProfile(
        name=name,
        # wsproto_impl.py: LocalProtocolError; websockets_sansio_impl.py: InvalidState.
        send_closed=OnSend.RAISE,
        # 0.35: the write goes to a closed transport; 0.54: send looks at self.disconnected first.
        send_lost=send_lost,
        send_reset_first=OnSend.SILENT,
        # send waits only for self.writable, which is set: no scheduling point.
        send_yields=False,
        accept_gone=accept_gone,
        # handle_text / send_receive_event_to_app: transport.pause_reading().
        pause_after_message=True,
        reader_task=False,
        close_waits_for_tcp=False,
        # connection_lost: 1005 if handshake_complete else 1006.
        lost_after_handshake=1005,
        keeps_close_code=True,
        own_close=OwnClose.QUEUED,
        # shutdown: queues 1012.
        shutdown_code=1012,
    )


def _hypercorn(name: str, send_yields: bool) -> ServerProfile:
    return ServerProfile(
        name=name,
        # ws_stream.py, app_send: returns at once when closed; _send_wsproto_event swallows.
        send_closed=OnSend.SILENT,
        send_lost=OnSend.SILENT,
        send_reset_first=OnSend.SILENT,
        # asyncio: drain() of an open transport does not yield; trio: send_all is a checkpoint.
        send_yields=send_yields,
        accept_gone=OnAccept.SILENT,
        pause_after_message=False,
        # tcp_server.py, _read_data feeds the protocol, which puts into the application's queue.
        reader_task=True,
        close_waits_for_tcp=False,
        # ws_stream.py, handle(StreamClosed): ABNORMAL_CLOSURE unless the server closed first.
        lost_after_handshake=1006,
        keeps_close_code=False,
        own_close=OwnClose.REPLY,
        shutdown_code=None,
    )


PROFILES: dict[str, ServerProfile] = {
    profile.name: profile
    for profile in (
        _legacy("0.35", OnAccept.SILENT),
        _sans_io("uvicorn-wsproto@0.35", OnSend.SILENT, OnAccept.RUNTIME_ERROR),
        _sans_io("uvicorn-sansio@0.35", OnSend.SILENT, OnAccept.RUNTIME_ERROR),
        _legacy("0.54", OnAccept.SILENT),
        _sans_io("uvicorn-wsproto@0.54", OnSend.RAISE, OnAccept.OSERROR),
        _sans_io("uvicorn-sansio@0.54", OnSend.RAISE, OnAccept.OSERROR),
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
