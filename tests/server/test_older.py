"""The adapter for Starlette before 0.36: it changes one thing, and that one as the source has it.

The older `send` is made from the installed source by taking out the `try` around the server's send,
which is all that 0.36.0 added there (0.35.1: `await self._send(message)`).
"""

import ast
import inspect
import textwrap
from typing import Any

import pytest
import starlette.websockets
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sim.model.record import Value
from sim.server.connection import ClientDisconnected, ProtocolError
from sim.server.observed import ObservedWebSocket
from sim.server.older import OlderWebSocket
from tests.helpers.fakes import DISCONNECT, SCOPE, drive

ACCEPT = {"type": "websocket.accept"}
SEND = {"type": "websocket.send", "text": "x"}
CLOSE = {"type": "websocket.close", "code": 1000}
MESSAGES = {"accept": ACCEPT, "send": SEND, "close": CLOSE, "odd": {"type": "websocket.odd"}}
ERRORS: dict[str, Exception | None] = {
    "": None,
    "OSError": OSError("gone"),
    "ClientDisconnected": ClientDisconnected(),
    "TimeoutError": TimeoutError("late"),
    "RuntimeError": RuntimeError("no"),
    "ProtocolError": ProtocolError(),
    "WebSocketDisconnect": WebSocketDisconnect(1001),
}


class Notes:
    """Where accesses are noted: in a list."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def read(self, name: str) -> None:
        """Reads are of no interest here."""

    def write(self, name: str) -> None:
        self.noted.append(name)

    def event(self, kind: str, /, **values: Value) -> None:
        self.noted.append(f"{kind} {values['state']}")


class Ends:
    """Both ends of the server's side; `error` is what its next send raises."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.sent: list[str] = []

    async def receive(self) -> Any:
        return {"type": "websocket.connect"} if not self.sent else DISCONNECT

    async def send(self, message: Any) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(message["type"])


def before_0_36() -> type[WebSocket]:
    """Return a WebSocket with the `send` of the installed source, without what 0.36.0 added."""

    class Bare(ast.NodeTransformer):
        taken = 0

        def visit_Try(self, node: ast.Try) -> Any:
            self.taken += 1
            assert [ast.unparse(one.type) for one in node.handlers if one.type] == ["OSError"]
            assert ast.unparse(node.body[0]) == "await self._send(message)"
            return node.body

    tree = ast.parse(textwrap.dedent(inspect.getsource(WebSocket.send)))
    bare = Bare()
    tree = ast.fix_missing_locations(bare.visit(tree))
    assert bare.taken == 1
    names: dict[str, Any] = {}
    exec(compile(tree, "before 0.36", "exec"), vars(starlette.websockets) | {}, names)
    return type("Before036", (WebSocket,), {"send": names["send"]})


BEFORE = before_0_36()


def observed(kind: type[ObservedWebSocket], ends: Ends, notes: Notes | None = None) -> WebSocket:
    return kind(SCOPE, ends.receive, ends.send, world=notes or Notes(), name="c1")


def bare(ends: Ends) -> WebSocket:
    return BEFORE(SCOPE, ends.receive, ends.send)


def came_of(websocket: WebSocket, message: Any) -> str:
    """Return what sending came to, and the state after it."""
    try:
        drive(websocket.send(message))
    except Exception as error:
        what = f"{type(error).__name__}({error}) {getattr(error, 'code', '')}"
    else:
        what = "sent"
    return f"{what} > {websocket.application_state.name}"


def test_the_installed_starlette_makes_a_disconnect_of_an_oserror() -> None:
    """So the adapter is needed."""
    ends = Ends()
    websocket = observed(ObservedWebSocket, ends)
    drive(websocket.accept())
    ends.error = ClientDisconnected()
    with pytest.raises(WebSocketDisconnect) as caught:
        drive(websocket.send_text("x"))
    assert caught.value.code == 1006
    assert websocket.application_state is WebSocketState.DISCONNECTED


def test_with_the_adapter_the_very_error_comes_through_and_the_state_stays() -> None:
    ends, notes = Ends(), Notes()
    websocket = observed(OlderWebSocket, ends, notes)
    drive(websocket.accept())
    ends.error = ClientDisconnected("gone")
    before = list(notes.noted)
    with pytest.raises(ClientDisconnected) as caught:
        drive(websocket.send_text("x"))
    assert caught.value is ends.error
    assert caught.value.__suppress_context__
    assert websocket.application_state is WebSocketState.CONNECTED
    assert notes.noted == before  # the state was not even touched meanwhile
    ends.error = None
    drive(websocket.send_text("y"))
    assert ends.sent == ["websocket.accept", "websocket.send"]


def test_a_failed_close_leaves_the_state_of_a_close_as_it_did_before() -> None:
    ends = Ends()
    websocket = observed(OlderWebSocket, ends)
    drive(websocket.accept())
    ends.error = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        drive(websocket.close())
    assert websocket.application_state is WebSocketState.DISCONNECTED


def test_receiving_is_the_installed_starlettes() -> None:
    ends = Ends()
    websocket = observed(OlderWebSocket, ends)
    drive(websocket.accept())
    with pytest.raises(WebSocketDisconnect) as caught:
        drive(websocket.receive_text())
    assert caught.value.code == DISCONNECT["code"]
    assert isinstance(websocket, WebSocket)


MOVES = st.lists(
    st.tuples(st.sampled_from(sorted(MESSAGES)), st.sampled_from(sorted(ERRORS))), max_size=6
)


@given(MOVES)
def test_whatever_is_sent_and_raised_goes_as_in_the_older_source(
    moves: list[tuple[str, str]],
) -> None:
    mine, theirs = Ends(), Ends()
    adapted, older = observed(OlderWebSocket, mine), bare(theirs)
    for name, error in moves:
        mine.error = theirs.error = ERRORS[error]
        assert came_of(adapted, MESSAGES[name]) == came_of(older, MESSAGES[name])
    assert mine.sent == theirs.sent


@given(MOVES)
def test_without_an_oserror_both_go_as_the_installed_one(moves: list[tuple[str, str]]) -> None:
    mine, theirs = Ends(), Ends()
    adapted, installed = observed(OlderWebSocket, mine), observed(ObservedWebSocket, theirs)
    for name, error in moves:
        mine.error = theirs.error = None if isinstance(ERRORS[error], OSError) else ERRORS[error]
        assert came_of(adapted, MESSAGES[name]) == came_of(installed, MESSAGES[name])
