"""What may be typed as --url, and which hosts are this machine."""

import pytest

from sim.errors import UserError
from sim.live.visiting.address import parse_address


@pytest.mark.parametrize(
    ("typed", "secure", "host", "port", "target", "authority"),
    [
        ("ws://127.0.0.1:8000/ws", False, "127.0.0.1", 8000, "/ws", "127.0.0.1:8000"),
        ("ws://localhost", False, "localhost", 80, "/", "localhost"),
        ("wss://Example.COM/a/b?c=%20d", True, "example.com", 443, "/a/b?c=%20d", "example.com"),
        ("ws://[::1]:81?x", False, "::1", 81, "/?x", "[::1]:81"),
        ("wss://h:80/", True, "h", 80, "/", "h:80"),
    ],
)
def test_an_address_is_what_was_typed(
    typed: str, secure: bool, host: str, port: int, target: str, authority: str
) -> None:
    found = parse_address(typed)
    assert (found.secure, found.host, found.port, found.target) == (secure, host, port, target)
    assert found.authority == authority
    assert str(found) == f"{'wss' if secure else 'ws'}://{authority}{target}"
    assert parse_address(str(found)) == found


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "got ''"),
        ("127.0.0.1:8000", "expected for example ws://127.0.0.1:8000/ws"),
        ("http://127.0.0.1/", "expected for example ws://"),
        ("https://127.0.0.1/", "expected for example wss://"),
        ("ws:///ws", "got 'ws:///ws'"),
        ("ws://h:99999/", "Port out of range"),
        ("ws://h:0/", "port 0"),
        ("ws://h:x/", "Port could not be cast"),
        ("ws://[::1/", "Invalid IPv6"),
        ("ws://me@h/", "neither a user"),
        ("ws://h/#x", "nor a fragment"),
        ("ws://h/a b", "quoted"),
        ("ws://h/\r\nX: y", "got"),
        ("ws://h/ä", "quoted"),
        ("ws://h/\x1b[2J", "got"),
        ("ws://" + "h" * 10_000 + " /", "got"),
    ],
)
def test_what_is_no_address_is_one_printable_line(typed: str, why: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_address(typed)
    (line,) = caught.value.faults
    assert line.startswith("--url: expected for example ")
    assert why in line
    assert line.isprintable()
    assert len(line) <= 1000


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("example.com", False),
    ],
)
def test_only_the_loopback_is_this_machine(host: str, here: bool) -> None:
    assert parse_address(f"ws://{host}:1/").is_here is here
