"""Where servers differ at the edges of a connection, as a handful of switches."""

from dataclasses import dataclass
from enum import StrEnum


class OnSend(StrEnum):
    """What `send` does when the client is gone."""

    RAISE = "raise"
    """An OSError: uvicorn's ClientDisconnected."""
    SILENT = "silent"
    """It returns as if all were well."""
    LEAK = "leak"
    """An error of the protocol's library, which is no OSError: Starlette passes it on as it is."""


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
    gives other tasks a turn. send_turns: how many every `send` gives them. ready_turns: how many
    `receive` gives them when a message is there already; woken_turns: how many it takes beyond the
    one that wakes it when it had to wait. accept_gone: `accept` with the
    client gone. pause_after_message: reading stops after each message until the application has
    taken it. reader_task: frames pass through a task of their own before they reach the
    application. one_receiver: a second task that receives gets an error. close_waits_for_tcp: a
    clean close is delivered only when the TCP connection has ended. loss_by_callback: a reset or
    FIN closes the transport in the turn that reads it, and the server hears of it in the next, by
    connection_lost (else the task that reads tells it). loss_always_queued: the end of the TCP
    connection queues a disconnect even after another one.
    lost_after_handshake: its code once the handshake is complete (before it: 1006).
    keeps_close_code: whether a client's close code reaches the application (else 1006). own_close:
    what follows the server's own close. own_close_waits: whether the TCP connection stays for the
    client's reply. app_returns: what follows when the application returns. shutdown_code: the
    disconnect code when the server shuts down; None where nothing is delivered and the application
    is cancelled in the end.
    """

    name: str
    send_closed: OnSend
    send_lost: OnSend
    send_reset_first: OnSend
    send_drains: bool
    send_turns: int
    ready_turns: int
    woken_turns: int
    accept_gone: OnAccept
    pause_after_message: bool
    reader_task: bool
    one_receiver: bool
    close_waits_for_tcp: bool
    loss_by_callback: bool
    loss_always_queued: bool
    lost_after_handshake: int
    keeps_close_code: bool
    own_close: OwnClose
    own_close_waits: bool
    app_returns: OnReturn
    shutdown_code: int | None
