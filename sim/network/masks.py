"""Masks, nonces and ping payloads from hashes instead of chance.

They vary, but nothing depends on them. wsproto draws them from `os.urandom`
(wsproto/frame_protocol.py, `serialize_frame`; wsproto/utilities.py, `generate_nonce`) and
trio-websocket from `random.getrandbits` (trio_websocket/_impl.py, `ping`). Only those modules see
the replacement, and only inside the block.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio_websocket
import wsproto.frame_protocol
import wsproto.utilities

from sim.kernel.world import World

_IMPLEMENTATION = importlib.import_module(trio_websocket.WebSocketConnection.__module__)
_DRAWERS: list[tuple[Any, str]] = [
    (wsproto.frame_protocol, "os"),
    (wsproto.utilities, "os"),
    (_IMPLEMENTATION, "random"),
]


class _Hashed:
    """Stands in for a module that draws; everything else comes from the real one."""

    def __init__(self, real: Any, world: World) -> None:
        self._real = real
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def urandom(self, count: int) -> bytes:
        return self._world.bytes(count, self._world.task)

    def getrandbits(self, bits: int) -> int:
        drawn = int.from_bytes(self.urandom(-(-bits // 8)), "big")
        return drawn >> (-bits % 8)


@contextmanager
def hashed_masks(world: World) -> Iterator[None]:
    """Let the protocol libraries draw from (task, how often it asked) inside this block."""
    saved = [getattr(module, name) for module, name in _DRAWERS]
    for (module, name), real in zip(_DRAWERS, saved, strict=True):
        setattr(module, name, _Hashed(real, world))
    try:
        yield
    finally:
        for (module, name), real in zip(_DRAWERS, saved, strict=True):
            setattr(module, name, real)
