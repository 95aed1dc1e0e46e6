"""The first connection to a running server, alone: is there anybody, and what do they speak?"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import trio

from sim.errors import NoAnswer
from sim.live.visiting.address import Address
from sim.live.visiting.seen import NO_CLOSE, RESET, UNCLEAR
from sim.live.visiting.session import GOODBYE_S, HANDSHAKE_S, Session
from sim.live.visiting.wire import Route, routes_to, words_of
from sim.model.appscript import Act, Script, Step
from sim.model.plain import fault
from sim.model.visiting import Part

_HINTS = {
    "connection refused": "; is the server running?",
    "answered 404": "; is the path right?",
    "answered 403": "; is the path right, and may these clients come in?",
    "answered 401": "; do the clients need a header?",
    "answered 200": "; is there a WebSocket at this path?",
    "answered 426": "; is there a WebSocket at this path?",
    "answered 503": "; is it ready?",
}
_WORDS = {
    UNCLEAR: "it does not speak WebSocket",
    NO_CLOSE: "ended the connection without an answer to the handshake",
    RESET: "reset the connection without an answer to the handshake",
}


async def knock(address: Address, parts: Iterable[Part]) -> Route:
    """Open a connection, and close it again, for each path and header that the parts ask for.

    Return the way by which they came through. Raises NoAnswer in one line that says why none did.
    """
    try:
        with trio.fail_after(HANDSHAKE_S):
            routes = await routes_to(address)
    except OSError as error:
        raise NoAnswer(fault(f"{address}: {words_of(error)}: {address.host!r}")) from None
    except trio.TooSlowError:
        raise NoAnswer(f"{address}: its name was not found within {HANDSHAKE_S:g} s") from None
    asked = dict.fromkeys(
        (one.script.path, one.script.headers, one.script.subprotocols) for one in parts
    )
    for path, headers, subprotocols in asked:
        script = Script(path, (Step(Act.CLOSE, number=1000),), headers, subprotocols)
        routes = [await _first_open(address, routes, script)]
    return routes[0]


async def _first_open(address: Address, routes: Sequence[Route], script: Script) -> Route:
    """Return the first way by which a client comes in. Raises NoAnswer."""
    why = "its name has no address"
    for route in routes:
        why = f"no answer to the handshake within {HANDSHAKE_S:g} s"
        opened = trio.Event()
        session = Session(route, Part(0, "", 1, script), (), HANDSHAKE_S, opened.set)
        with trio.move_on_after(HANDSHAKE_S + GOODBYE_S):
            seen = await session.play(0)
            why = seen.refused
        if opened.is_set():
            return route
    told = _WORDS.get(why, why)
    hint = next((hint for begins, hint in _HINTS.items() if why.startswith(begins)), "")
    where = replace(address, target=script.path or address.target)
    raise NoAnswer(fault(f"{where}: {told}{hint}"))
