"""What real servers log of real clients and handlers, and what is read of that.

The handlers are those of `served.py`, visited in the order of `WANTED`. Where a server has no line
for a handler, it took what came after the end in silence.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from sim.logs.mechanism import BLIND, ESCAPED, OWN_CLOSE, OWN_SEND
from tests.logs.forms.expected import records
from tests.logs.forms.form import lacking
from tests.logs.forms.servers import SERVERS, Server, running


class Seen(NamedTuple):
    """What is read of one record. An error that nobody knows has no pattern."""

    patterns: frozenset[str]
    proved: str = ""
    severity: str = "error"


def seen(*patterns: str, proved: str = "") -> Seen:
    return Seen(frozenset(patterns), proved)


Wanted = dict[str, Seen | None]
LAST: Final = seen()
ESCAPES: Final = seen("escaped-disconnect", proved=ESCAPED)
NEED, GONE, AGAIN = "need-accept-first", "client-disconnected", "after-the-close"
SENDS_FAIL: Final[Wanted] = {
    "echo": None,
    "loop": seen(NEED),
    "chained": seen(NEED, GONE, proved=BLIND),
    "gives_up": seen(NEED, "send-after-close"),
    "late_accept": None,
    "second_close": None,
    "apology": seen(GONE, "escaped-disconnect", proved=OWN_SEND),
    "escape": ESCAPES,
    "last": LAST,
}
"""Of uvicorn: a send to nobody raises ClientDisconnected."""
SENDS_VANISH: Final[Wanted] = {
    **dict.fromkeys(SENDS_FAIL),
    "loop": ESCAPES,
    "escape": ESCAPES,
    "last": LAST,
}
"""Of the others: a send to nobody does nothing, and the next receive tells of the end."""
CHANNELS: Final[Wanted] = {
    "echo": None,
    "send_after_close": seen(AGAIN),
    "closes_twice": None,
    "apology": None,
    "close_in_disconnect": None,
    "send_before_accept": seen("out-of-order"),
    "last": LAST,
}
WANTED: Final[Mapping[str, Wanted]] = {
    "uvicorn websockets": SENDS_FAIL
    | {
        "chained": seen(NEED, GONE, "connection-closed", proved=BLIND),
        "second_close": seen(AGAIN, proved=OWN_CLOSE),
        "apology": seen(AGAIN, proved=OWN_SEND),
    },
    "uvicorn websockets-sansio": SENDS_FAIL,
    "uvicorn wsproto": SENDS_FAIL
    | {
        "second_close": seen(GONE, "protocol-closed", "escaped-disconnect", proved=OWN_CLOSE),
        "apology": seen(GONE, "protocol-closed", "escaped-disconnect", proved=OWN_SEND),
    },
    "gunicorn": SENDS_FAIL,
    "hypercorn asyncio": SENDS_VANISH,
    "hypercorn trio": SENDS_VANISH,
    "daphne": SENDS_VANISH,
    "granian": SENDS_VANISH,
    "Channels on daphne": CHANNELS,
    "Channels on uvicorn": CHANNELS
    | dict.fromkeys(("closes_twice", "apology", "close_in_disconnect"), seen(AGAIN)),
}


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_each_error_of_a_handler_is_read_as_what_it_was(server: Server, tmp_path: Path) -> None:
    missing = lacking(server.modules)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    wanted = WANTED[server.name]
    log = _visited(server, list(wanted), tmp_path)
    found = [Seen(frozenset(one.names), one.proved, one.said.severity) for one in records(log)]
    assert found == [one for one in wanted.values() if one is not None], log.read_text()


def _visited(server: Server, handlers: Sequence[str], folder: Path) -> Path:
    with running(server, folder) as found:
        for name in handlers:
            found.visit(f"/{name}")
        found.says("that is all")
    return found.log
