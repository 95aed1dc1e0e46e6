"""The steps before the loop, and what each mode does when one of them fails."""

from sim.model.times import require_number
from sim.sut.chat import Chat

READY_POLLS, READY_POLL_MS = 10, 100
DATABASE_TIMEOUT_MS = 600_000
"""Bounds the wait for services, as the backend's database timeout does."""


class SetupFailed(Exception):
    """A step of the set-up failed; the connection is closed with `code`."""

    def __init__(self, outcome: str, code: int, text: str) -> None:
        super().__init__(text)
        self.outcome = outcome
        self.code = code


async def services_ready(chat: Chat) -> None:
    """Wait until the services are there. Raises SetupFailed."""
    setup = chat.setup
    never = setup.services == "never"
    await _takes(chat, DATABASE_TIMEOUT_MS if never else require_number(setup.services_ms))
    if setup.services != "ok":
        raise SetupFailed("services_failed", 1011, "services are not ready")


async def accept(chat: Chat) -> None:
    """Accept the connection, if this handler ever does."""
    await chat.at("preaccept")
    if chat.setup.accepts == "connect-only":
        await chat.websocket.receive()
    if not accepts(chat):
        return
    if chat.setup.machines == "two":
        # The machine of the preliminary id is told; the one that the loop asks never hears of it.
        await chat.websocket.accept()
        chat.new_machine(f"{chat.runtime.connection}-preliminary").transition("accepted")
    else:
        await chat.websocket.accept()
        if chat.setup.machines == "one":
            chat.become("accepted")
    await chat.at("accepted")


async def authenticate(chat: Chat) -> None:
    """Check who the client is. Raises SetupFailed with 1008."""
    await chat.at("authenticating")
    await _takes(chat, require_number(chat.setup.authentication_ms))
    if chat.setup.authentication == "refused":
        raise SetupFailed("refused(1008)", 1008, "authentication was refused")
    if chat.setup.authentication == "error":
        raise SetupFailed("refused(1008)", 1008, "the authentication service failed")


def authenticated(chat: Chat) -> None:
    """Tell the machine, if it is the one that was told of the accept."""
    if chat.setup.machines == "one" and accepts(chat):
        chat.become("authenticated")


async def create_manager(chat: Chat) -> None:
    """Create the connection's manager. Raises SetupFailed with 1011."""
    await _takes(chat, require_number(chat.setup.manager_ms))
    if chat.setup.manager == "error":
        raise SetupFailed("manager_failed", 1011, "the manager could not be created")


async def wait_until_ready(chat: Chat) -> None:
    """Bring the state machine to processing_ready. Raises SetupFailed if it stays behind."""
    if not accepts(chat) or chat.setup.machines == "ready":
        return
    if chat.become("services_ready"):
        chat.become("processing_ready")
    for _ in range(READY_POLLS):
        if chat.machine.operational:
            return
        await chat.runtime.sleep(READY_POLL_MS)
    state = f"ApplicationConnectionState.{chat.machine.state.upper()}"
    text = f"Connection state machine never reached ready state: {state}"
    chat.runtime.log("error", text)
    raise SetupFailed("never_ready", 1011, text)


def accepts(chat: Chat) -> bool:
    """Whether this handler accepts connections at all."""
    return chat.setup.accepts == "yes"


async def _takes(chat: Chat, ms: float) -> None:
    if ms:
        await chat.runtime.sleep(ms)
