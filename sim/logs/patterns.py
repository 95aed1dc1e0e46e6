"""What log lines say: patterns, and the mechanisms that they are consistent with.

The texts are those of the report of issue #1061 (which quotes them with other quotation marks and
without the final dot), of Starlette 0.13 to 1.10, of websockets 10 to 17, of uvicorn 0.22 to 0.54,
of hypercorn 0.18, wsproto, CPython's asyncio and collections, gunicorn 27, daphne 4.2 with
autobahn, granian 2.8, and those that our handlers log. Django Channels raises none of its own about
the order of messages: its consumers get those of the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["bad", "warning", "good"]
KINDS: Final[tuple[Kind, ...]] = ("bad", "warning", "good")


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A way in which the race comes about. scenario: the shipped one that reproduces it, "" if
    there is none. about: what happens, in a sentence. check: what `wsrace check` has to be asked
    to reproduce it in an application, "" where a scenario does.
    """

    scenario: str
    about: str
    check: str = ""


MECHANISMS: Final[Mapping[str, Mechanism]] = {
    "blind spot": Mechanism(
        "blind-spot",
        "a send to a client that has gone failed and was swallowed: application_state is "
        "DISCONNECTED, client_state still CONNECTED",
    ),
    "server close": Mechanism(
        "server-close",
        "another task of the server closed the WebSocket between the check and the receive",
    ),
    "hop": Mechanism(
        "wait-for-hop",
        "the closing task ran in the turn of the loop that wait_for takes on Python 3.11",
    ),
    "eaten disconnect": Mechanism(
        "eaten-disconnect", "a second receiver took the disconnect that this one waited for"
    ),
    "state change": Mechanism(
        "state-change", "the application's state machine left its operational states"
    ),
    "set-up race": Mechanism(
        "setup-race", "two state machines under two connection ids: one hears of the accept only"
    ),
    "accept race": Mechanism("accept-race", "the client was gone before the handler accepted"),
    "two receivers": Mechanism(
        "eaten-disconnect",
        "two tasks received from one connection at once: which gets the next message is luck",
    ),
    "receive after its own disconnect": Mechanism(
        "",
        "the handler received again after its own receive had told it of the end",
        "--client 'send:hi, close'",
    ),
    "own second close": Mechanism(
        "",
        "the handler closed after its own receive had told it of the end, or a second time",
        "--client 'send:hi, close'",
    ),
    "send after its own disconnect": Mechanism(
        "",
        "the handler went on to send after its own receive had told it of the end",
        "--client 'send:hi, close'",
    ),
    "escaped disconnect": Mechanism(
        "",
        "nobody caught the disconnect: each client that leaves costs a traceback",
        "--client 'send:hi, close'",
    ),
    "registry change": Mechanism(
        "",
        "a collection of connections changed while a broadcast walked it, or lost one twice",
        "--client 'send:hi, wait, close' --client 'send:hi, close'",
    ),
    "keepalive": Mechanism(
        "",
        "the peer answered no ping in time, so the server's own library ended the connection",
        "--pings --client 'sleep:60s, close'",
    ),
}
ERROR: Final = "need-accept-first"
"""The pattern of the error of issue #1061."""
WARNING: Final = "state-changed"
"""The pattern by which the published fix says that it acted."""
NO_RACE: Final = "no race"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of log line.

    texts: examples, as they are logged. regex: what a line must contain. needles: every text holds
    one of these literally, without quotation marks. consistent: names of MECHANISMS, the likeliest
    first; none: see `of`. scenario: the shipped one whose log holds the line, "" for none. why: one
    sentence. apart: what else in a log would tell the mechanisms apart. fallback: counts only where
    no other bad pattern of the table does.
    """

    name: str
    kind: Kind
    texts: tuple[str, ...]
    regex: str
    needles: tuple[str, ...]
    consistent: tuple[str, ...]
    scenario: str
    why: str
    apart: str = ""
    fallback: bool = False

    @property
    def of(self) -> tuple[str, ...]:
        """What the line is consistent with."""
        return self.consistent or (NO_RACE if self.kind == "good" else UNKNOWN,)


_WHO_CLOSED = (
    "One line cannot tell these apart. A send that failed just before (no 'processed successfully' "
    "for this connection's last message) speaks for the blind spot; a line of a heartbeat, monitor "
    "or clean-up that closes this very connection, for a server's close; a guard that checks both "
    "states, on Python 3.11, for the hop. The fix's own warning comes with none of them. A handler "
    "that never accepted gets the same text."
)
_HYPERCORN = r"websocket\.[\w.]{1,40} given the state ASGIWebsocketState\."
_Q = r".{0,8}"
"""Quotation marks, escaped or not: one style is as good as another."""

PATTERNS: Final[tuple[Pattern, ...]] = (
    Pattern(
        name=ERROR,
        kind="bad",
        texts=(
            'WebSocket is not connected. Need to call "accept" first.',
            "WebSocket is not connected. Need to call 'accept' first",
            "assert self.application_state == WebSocketState.CONNECTED",
        ),
        regex=rf"Need to call {_Q}accept{_Q} first"
        r"|assert self\.application_state == WebSocketState\.CONNECTED",
        needles=("Need to call", "assert self.application_state"),
        consistent=("blind spot", "server close", "hop"),
        scenario="blind-spot",
        why="receive_text looks at application_state, the guards before and after the fix at "
        "client_state (starlette/websockets.py, `receive_text`; up to 0.18 by a bare assert).",
        apart=_WHO_CLOSED,
    ),
    Pattern(
        name="receive-after-disconnect",
        kind="bad",
        texts=('Cannot call "receive" once a disconnect message has been received.',),
        regex=rf"Cannot call {_Q}receive{_Q} once a disconnect",
        needles=("once a disconnect",),
        consistent=("eaten disconnect", "receive after its own disconnect"),
        scenario="eaten-disconnect",
        why="client_state changes only when somebody receives, so somebody had taken the "
        "disconnect: another receiver, or the handler itself.",
        apart="A traceback with a WebSocketDisconnect above it proves the handler's own. The fix "
        "prevents either: with the fix deployed its warning stands there instead.",
    ),
    Pattern(
        name="send-after-close",
        kind="bad",
        texts=('Cannot call "send" once a close message has been sent.',),
        regex=rf"Cannot call {_Q}send{_Q} once a close",
        needles=("once a close",),
        consistent=("server close", "blind spot"),
        scenario="",
        why="application_state was DISCONNECTED already; our handlers swallow this error, so no "
        "shipped scenario logs it.",
        apart="After a close by the server there is a line of who closed; after a blind spot the "
        "send before this one failed too.",
    ),
    Pattern(
        name="concurrent-receive",
        kind="bad",
        texts=(
            "cannot call recv while another coroutine is already running recv or recv_streaming",
            "cannot call recv while another coroutine is already waiting for the next message",
        ),
        regex=r"cannot call recv while another (?:coroutine|thread)",
        needles=("cannot call recv while",),
        consistent=("two receivers", "eaten disconnect"),
        scenario="eaten-disconnect",
        why="Two tasks received at once on websockets; the same two receivers, met before the "
        "disconnect came (set clients.delay_ms).",
    ),
    Pattern(
        name="closed-before-message",
        kind="bad",
        texts=(
            "RuntimeError: WebSocket connection closed before message was received",
            "WebSocket closed before message was received",
        ),
        regex=r"closed before message was received",
        needles=("Socket closed before", "Socket connection closed"),
        consistent=(),
        scenario="",
        why="A pattern of the report only: never seen on any stack, its source is unknown.",
        apart="Look for what logs it: neither Starlette nor uvicorn, hypercorn or websockets does.",
    ),
    Pattern(
        name="never-ready",
        kind="bad",
        texts=(
            "Connection state machine never reached ready state: "
            "ApplicationConnectionState.CONNECTING",
        ),
        regex=r"never reached ready state",
        needles=("never reached ready",),
        consistent=("set-up race",),
        scenario="setup-race",
        why="The machine that is asked for services_ready was never told of the accept; this is "
        "before the loop, where no guard stands.",
        apart="A refused transition just before it (connecting -> services_ready) confirms it.",
    ),
    Pattern(
        name="too-many-refusals",
        kind="bad",
        texts=("Too many refused transitions for c1: -> failed",),
        regex=r"Too many refused transitions",
        needles=("refused transitions",),
        consistent=("set-up race", "state change"),
        scenario="",
        why="After five refusals in a row a valid transition is forced to failed; no shipped "
        "scenario refuses so often.",
        apart="The refused transitions before it say which: from connecting, the set-up race.",
    ),
    Pattern(
        name="after-the-close",
        kind="bad",
        texts=(
            "Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.",
            "Unexpected ASGI message 'websocket.close', after sending 'websocket.close' or "
            "response already completed.",
            "Unexpected message type, websocket.send given the state ASGIWebsocketState.CLOSED",
            "autobahn.exception.Disconnected: Attempt to send on a closed protocol",
            "AttributeError: 'WSStream' object has no attribute 'connection'",
        ),
        regex=r"Unexpected ASGI message|Attempt to send on a closed protocol"
        rf"|Unexpected message type, {_HYPERCORN}(?:CLOSED|HTTPCLOSED|RESPONSE)\b"
        rf"|WSStream{_Q} object has no attribute {_Q}connection",
        needles=(
            *("ASGI message", "Unexpected message type", "send on a closed protocol"),
            "WSStream",
        ),
        consistent=("server close", "eaten disconnect"),
        scenario="",
        why="The server was asked to send on a connection whose end it knew (uvicorn/protocols/"
        "websockets/, `asgi_send`; hypercorn/utils.py and, for a second close before the accept, "
        "protocol/ws_stream.py; autobahn/websocket/protocol.py below daphne). Our handlers swallow "
        "it, so no shipped scenario logs it.",
        apart="After a close by the server there is a line of who closed; after an eaten "
        "disconnect another task had received it.",
    ),
    Pattern(
        name="out-of-order",
        kind="bad",
        texts=(
            "Expected ASGI message 'websocket.send' or 'websocket.close', but got "
            "'websocket.accept'.",
            "Expected ASGI message 'websocket.accept', 'websocket.close' or "
            "'websocket.http.response.start' but got 'websocket.send'.",
            'Expected ASGI message "websocket.accept", "websocket.close" or '
            "\"websocket.http.response.start\", but got 'websocket.send'",
            "ASGI callable returned without completing handshake.",
            "ASGI callable returned without sending handshake.",
            "Unexpected message type, websocket.send given the state ASGIWebsocketState.HANDSHAKE",
            "ValueError: Socket has not been accepted, so cannot send over it",
            "AttributeError: 'WebSocketProtocol' object has no attribute 'handshake_deferred'",
            "RuntimeError: ASGI flow error: Connection already upgraded",
        ),
        regex=rf"Expected ASGI message {_Q}websocket\.|"
        r"ASGI callable returned without (?:completing|sending) handshake|"
        rf"Unexpected message type, {_HYPERCORN}(?:HANDSHAKE|CONNECTED)\b|"
        rf"Socket has not been accepted, so cannot|no attribute {_Q}handshake_deferred|"
        r"ASGI flow error: Connection already upgraded",
        needles=(
            *("ASGI message", "ASGI callable returned", "Unexpected message type"),
            *("Socket has not been accepted", "handshake_deferred", "ASGI flow error"),
        ),
        consistent=("accept race",),
        scenario="accept-race",
        why="With 'but got websocket.accept' the client was gone before the accept (uvicorn 0.35 "
        "on wsproto or sansio: set server). From uvicorn/protocols/websockets/, hypercorn/utils.py,"
        " daphne/ws_protocol.py, and granian's src/asgi/io.rs.",
        apart="With any other message, or a missing handshake, the application spoke out of turn: "
        "a fault of the program, not this race.",
    ),
    Pattern(
        name="client-disconnected",
        kind="bad",
        texts=("uvicorn.protocols.utils.ClientDisconnected",),
        regex=r"utils\.ClientDisconnected",
        needles=("tDisconnect",),
        consistent=("accept race", "blind spot"),
        scenario="",
        why="An OSError of send escaped: in accept, or with Starlette before 0.36 in any send. It "
        "stands in the server's traceback; our handlers (accept-race) log a line without a text.",
        apart="The traceback says which: websocket.accept() or a send.",
    ),
    Pattern(
        name="protocol-closed",
        kind="bad",
        texts=(
            "wsproto.utilities.LocalProtocolError: Event TextMessage(data='hi', "
            "frame_finished=True, message_finished=True) cannot be sent in state "
            "ConnectionState.CLOSED.",
        ),
        regex=r"cannot be sent in state",
        needles=("cannot be sent in state",),
        consistent=("server close", "blind spot"),
        scenario="",
        why="The server let a send through on a connection that was closed, and wsproto refused it "
        "(wsproto/connection.py, `send`): hypercorn and trio-websocket.",
        apart="After a close by the server there is a line of who closed; after a blind spot the "
        "client was gone.",
    ),
    Pattern(
        name="connection-closed",
        kind="bad",
        texts=(
            "websockets.exceptions.ConnectionClosedError: no close frame received or sent",
            "websockets.exceptions.ConnectionClosedOK: received 1000 (OK); then sent 1000 (OK)",
            "RuntimeError: ASGI transport error: ",
        ),
        regex=r"exceptions\.ConnectionClosed(?:OK|Error)?\b|ASGI transport error",
        needles=("exceptions.ConnectionClosed", "ASGI transport error"),
        consistent=("blind spot", "eaten disconnect"),
        scenario="",
        why="A send or a receive on a connection that had ended, and nobody caught it "
        "(websockets/exceptions.py; granian's src/asgi/io.rs, read there and never provoked).",
        apart="The traceback says whether it was a send or a receive.",
    ),
    Pattern(
        name="registry-changed",
        kind="bad",
        texts=(
            "RuntimeError: dictionary changed size during iteration",
            "RuntimeError: Set changed size during iteration",
            "RuntimeError: dictionary keys changed during iteration",
            "RuntimeError: deque mutated during iteration",
            "ValueError: list.remove(x): x not in list",
        ),
        regex=r"changed (?:size )?during iteration|mutated during iteration"
        r"|list\.remove\(x\): x not in list",
        needles=("during iteration", "list.remove(x)"),
        consistent=("registry change",),
        scenario="",
        why="A collection changed while somebody walked it across an await, or lost one twice "
        "(CPython, Objects/dictobject.c, setobject.c, listobject.c).",
        apart="The line of the traceback says which collection; a broadcast over a copy, and "
        "`discard`, do not do this.",
    ),
    Pattern(
        name="escaped-disconnect",
        kind="warning",
        texts=(
            "starlette.websockets.WebSocketDisconnect: (1001, None)",
            "fastapi.exceptions.WebSocketDisconnect: (1006, '')",
            "starlette.websockets.WebSocketDisconnect: (<CloseReason.GOING_AWAY: 1001>, '')",
        ),
        regex=r"(?:^|[\s|])(?:(?:starlette|fastapi)\.\w+\.)?WebSocketDisconnect"
        r"(?:: \(?(?:\d|<Close)|$)",
        needles=("tDisconnect",),
        consistent=("escaped disconnect",),
        scenario="",
        why="A receive told of the end of the connection (starlette/websockets.py, "
        "`_raise_on_disconnect`), and nobody caught it.",
    ),
    Pattern(
        name="keepalive-timeout",
        kind="warning",
        texts=(
            "sent 1011 (internal error) keepalive ping timeout; no close frame received",
            "received 1011 (internal error) keepalive ping timeout",
        ),
        regex=r"keepalive ping timeout",
        needles=("keepalive ping timeout",),
        consistent=("keepalive",),
        scenario="",
        why="websockets closed by itself (websockets/asyncio/connection.py, `keepalive`): the peer "
        "was gone, or the loop was held up for as long.",
        apart="Many at one moment: the loop was held up. A send that follows fails like after any "
        "close.",
    ),
    Pattern(
        name="worker-killed",
        kind="warning",
        texts=(
            "WORKER TIMEOUT (pid:12)",
            "Worker (pid:12) was sent SIGKILL! Perhaps out of memory?",
        ),
        regex=r"WORKER TIMEOUT \(pid:|\) was sent SIG(?!TERM|INT|QUIT|HUP)",
        needles=("WORKER TIMEOUT", "was sent SIG"),
        consistent=(),
        scenario="",
        why="gunicorn ended a worker process (gunicorn/arbiter.py), and with it every connection.",
        apart="Connections that end in that very second ended by it.",
    ),
    Pattern(
        name="never-retrieved",
        kind="bad",
        texts=("Task exception was never retrieved", "Future exception was never retrieved"),
        regex=r"exception was never retrieved",
        needles=("exception was never retrieved",),
        consistent=(),
        scenario="",
        why="A task ended by an exception that nobody looked at (asyncio/futures.py, `__del__`).",
        apart="The traceback below it says which.",
        fallback=True,
    ),
    Pattern(
        name="took-too-long",
        kind="warning",
        texts=(
            "Application instance <Task pending> for connection <WebSocketProtocol> took too long "
            "to shut down and was killed.",
        ),
        regex=r"took too long to shut down and was killed",
        needles=("took too long to shut down",),
        consistent=("eaten disconnect",),
        scenario="",
        why="daphne waited for a handler that did not end after its client had left "
        "(daphne/server.py).",
        apart="The handler waits for something else than the disconnect.",
    ),
    Pattern(
        name="loop-error",
        kind="bad",
        texts=("Error in message loop: ",),
        regex=r"Error in message loop",
        needles=("Error in message loop",),
        consistent=(),
        scenario="",
        why="The handler's line for whatever ended its loop; this one carries no known text.",
        fallback=True,
    ),
    Pattern(
        name="set-up-error",
        kind="bad",
        texts=("WebSocket set-up failed: ",),
        regex=r"WebSocket set-up failed",
        needles=("Socket set-up failed",),
        consistent=("accept race",),
        scenario="accept-race",
        why="The handler's line for whatever ended its set-up; on uvicorn the error of accept has "
        "no text of its own.",
        fallback=True,
    ),
    Pattern(
        name=WARNING,
        kind="warning",
        texts=(
            "WebSocket state changed between handshake validation and receive for connection c1",
        ),
        regex=r"state changed between handshake validation",
        needles=("Socket state changed",),
        consistent=("state change", "eaten disconnect"),
        scenario="state-change",
        why="The published fix acted: client_state or the machine had changed. It cannot act in "
        "the blind spot, where neither does.",
        apart="A disconnect of the client near it speaks for an eaten one; a transition of the "
        "machine (closing, failed) for a state change, where a queued message is lost.",
    ),
    Pattern(
        name="guard-stopped",
        kind="warning",
        texts=("Guard stopped the receive for connection c1",),
        regex=r"Guard stopped the receive",
        needles=("Guard stopped",),
        consistent=("blind spot", "server close", "eaten disconnect"),
        scenario="server-close",
        why="A guard of both states acted where the published fix would have gone on to the error.",
    ),
    Pattern(
        name="transition-refused",
        kind="warning",
        texts=("Invalid state transition for c1: connecting -> services_ready",),
        regex=r"Invalid state transition for",
        needles=("Invalid state transition",),
        consistent=("set-up race", "state change"),
        scenario="setup-race",
        why="The machine was asked for a state that its table does not allow.",
        apart="From connecting: the set-up race. From closing or closed: a state change.",
    ),
    Pattern(
        name="established",
        kind="good",
        texts=("WebSocket connection established successfully",),
        regex=r"WebSocket connection established successfully",
        needles=("Socket connection established",),
        consistent=(),
        scenario="healthy",
        why="The set-up went well.",
    ),
    Pattern(
        name="validation-passed",
        kind="good",
        texts=("WebSocket state validation passed",),
        regex=r"WebSocket state validation passed",
        needles=("Socket state validation",),
        consistent=(),
        scenario="",
        why="A pattern of the report: the check went well, which says nothing of the receive; our "
        "handlers do not log it.",
    ),
    Pattern(
        name="message-processed",
        kind="good",
        texts=("Agent message processed successfully",),
        regex=r"Agent message processed successfully",
        needles=("processed successfully",),
        consistent=(),
        scenario="healthy",
        why="All events of a turn were sent.",
    ),
)
BY_NAME: Final[Mapping[str, Pattern]] = {pattern.name: pattern for pattern in PATTERNS}
