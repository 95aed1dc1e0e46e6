"""Names for what ends a loop: by the type's ancestry and the text, never by its name alone.

Starlette 1.10 raises WebSocketDisconnected, a RuntimeError, where older ones raise RuntimeError
itself, with the same texts (starlette/websockets.py). The names are those of recorded cells.
"""

from starlette.websockets import WebSocketDisconnect

_TEXTS = (
    ('Need to call "accept" first', "need_accept_first"),
    ('Cannot call "receive" once a disconnect', "receive_after_disconnect"),
    ('Cannot call "send" once a close', "send_after_close"),
    ("cannot call recv while another coroutine", "concurrent_recv"),
)


def classify(error: BaseException) -> str:
    """Return the outcome class of an exception that ended a loop."""
    if isinstance(error, WebSocketDisconnect):
        return f"clean_disconnect({error.code})"
    if isinstance(error, RuntimeError):
        text = str(error)
        for part, name in _TEXTS:
            if part in text:
                return name
    if isinstance(error, OSError):
        return f"oserror_leaked({type(error).__name__})"
    return f"other:{type(error).__name__}"
