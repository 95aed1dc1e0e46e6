"""What a short telling of a run leaves out, and what it never does."""

import pytest

from sim.model.events import PLACES, TELLING, is_noise
from sim.model.record import Event, Value


def noise(kind: str, wire: bool = False, **values: Value) -> bool:
    return is_noise(Event(0, "t", kind, values), wire)


def test_probes_are_noise_but_for_those_around_the_window() -> None:
    assert noise("probe")
    assert noise("probe", at="sending")
    assert [noise("probe", at=at) for at in PLACES] == [False] * 3


def test_what_a_client_sends_is_told_once() -> None:
    """By the wire where that is shown, else by the client."""
    for wire in (True, False):
        assert noise("wire", wire) is not wire
        assert noise("client.sent", wire) is wire


def test_only_what_went_wrong_is_told_of_a_log() -> None:
    assert noise("log", level="debug")
    assert noise("log", level="info")
    assert not noise("log", level="warning")
    assert not noise("log", level="error")


@pytest.mark.parametrize("wire", [True, False])
def test_what_the_application_gets_from_its_server_repeats_what_others_tell(wire: bool) -> None:
    assert noise("asgi.send", wire)
    assert noise("asgi.receive", wire)


@pytest.mark.parametrize("wire", [True, False])
@pytest.mark.parametrize("kind", ["received", "sent", "machine", "client_state", *TELLING])
def test_what_tells_something_is_never_noise(kind: str, wire: bool) -> None:
    assert not noise(kind, wire)
