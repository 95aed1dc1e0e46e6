"""Lines that are shown tell nobody's secrets; what says which error it is stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.logs.patterns import PATTERNS
from sim.logs.redaction import redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
LONG = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('10.0.0.7:40000 - "WebSocket /ws" 403', '<address>:40000 - "WebSocket /ws" 403'),
        ("('192.168.1.20', 51234) - x", "('<address>', 51234) - x"),
        ("from 2001:db8::1 at 10:00:00", "from <address> at 10:00:00"),
        ("[fe80::1%eth0]:80", "[<address>]:80"),
        ("ann.lee+x@mail.example.org left", "<e-mail> left"),
        ("WebSocket /ws?token=abc&room=7", "WebSocket /ws?token=<token>&room=7"),
        ("WebSocket /ws?access_token=abc.d HTTP", "WebSocket /ws?access_token=<token> HTTP"),
        ('{"api_key": "k-1", "a": 1}', '{"api_key": "<token>", "a": 1}'),
        ("password='hunter2'", "password='<token>'"),
        ("Authorization: Bearer abcdef123", "Authorization: <token>"),
        ("(b'authorization', b'Basic YWxhZGRpbg==')", "(b'authorization', b'<token>')"),
        ("sent Bearer abcdef123 on", "sent Bearer <token> on"),
        ("Cookie: a=1; session=xyz", "Cookie: <cookie>"),
        ("(b'cookie', b'a=1; b=2'), (b'host', b'x')", "(b'cookie', b'<cookie>'), (b'host', b'x')"),
        ("redis://user:pw@db:6379/0", "redis://<token>@db:6379/0"),
        ('{"password": "hun ter2, x", "a": 1}', '{"password": "<token>", "a": 1}'),
        ("(b'x-api-key', b'zzz')", "(b'x-api-key', b'<token>')"),
        ('{"authorization":["Bearer abc"]}', '{"authorization":["<token>"]}'),
        ("DB_PASS=abc secret_key=x pw=y", "DB_PASS=<token> secret_key=<token> pw=<token>"),
        ("redis://:secret@db", "redis://<token>@db"),
        ("postgresql://user:p@ss@host/db", "postgresql://<token>@host/db"),
        ("/ws/0123456789abcdef0123456789abcdef/x", "/ws/<token>/x"),
        ("key AKIA0123456789ABCDEF", "key <token>"),
        (f"key {JWT} was", "key <token> was"),
        (f"with {LONG}!", "with <token>!"),
    ],
)
def test_addresses_secrets_and_people_are_taken_out(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *(text for pattern in PATTERNS for text in pattern.texts),
        "2026-03-01T10:00:00.123456789Z ERROR app.main: it failed",
        'File "/usr/lib/python3.11/starlette/websockets.py", line 113, in receive_text',
        "connection 123e4567-e89b-12d3-a456-426614174000 closed",
        "uvicorn 0.35.0, websockets 15.0.1",
        'cookie handling failed: WebSocket is not connected. Need to call "accept" first.',
        "RuntimeError: unexpected token: WebSocket is not connected",
        "session: not found",
        "Basic authentication failed",
        "a_function_with_a_very_long_name_and_no_number_at_all",
        "WebSocket state changed between handshake validation and receive for connection c1",
    ],
)
def test_what_says_which_error_it_is_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_any_text_can_be_shown_and_again(text: str) -> None:
    assert redact(redact(text)) == redact(text)
