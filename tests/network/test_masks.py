import os
import random
from importlib import import_module
from typing import Any

from sim.kernel.world import World
from sim.network.masks import hashed_masks
from tests.helpers.running import run_once

frames: Any = import_module("wsproto.frame_protocol")
utilities: Any = import_module("wsproto.utilities")
implementation: Any = import_module("trio_websocket._impl")


def test_masks_depend_on_task_and_index_alone_and_are_put_back() -> None:
    async def program(world: World) -> list[bytes | int]:
        with hashed_masks(world):
            draws = frames.os.urandom
            assert os.urandom is not draws
            return [
                draws(4),
                draws(4),
                utilities.os.urandom(16),
                implementation.random.getrandbits(32),
            ]

    first, second = run_once(program).result, run_once(program).result
    assert first == second
    assert isinstance(first, list)
    assert len(set(first)) == 4
    assert 0 <= first[3] < 1 << 32
    assert frames.os is os
    assert utilities.os is os
    assert implementation.random is random
