"""Names of tasks: paths of spawning, so that they mean the same in every run.

The first child called `name` is "name", the next one "name#2". Children of the main task stand
alone; those of others follow their spawner: "server/handler#2".
"""

import trio

from sim.model.record import CLOCK, LOOP

Task = trio.lowlevel.Task

MAIN = "main"
"""The task that calls the program."""
RESERVED = (MAIN, CLOCK, LOOP)
"""Paths that no child of the main task gets: its own, the clock's, and that of batches."""


class Known:
    """What the kernel knows about one task of the world."""

    __slots__ = ("children", "last_step", "opaque", "outside", "path", "rank", "ready", "task")

    def __init__(self, path: str, outside: bool, task: Task) -> None:
        self.path = path
        self.outside = outside
        self.task = task
        self.last_step = 0
        self.opaque = False
        """Whether its steps may touch state that nobody notes."""
        self.ready = False
        self.rank = 0
        """Why it was woken, see `sim.kernel.waiters`, where the runtime looks at that."""
        self.children: dict[str, int] | None = None

    def child_path(self, name: str) -> str:
        """Return the path of the next child called `name`."""
        short = name.rpartition(".")[2].replace("/", "_").replace("#", "_")
        if self.children is None:
            self.children = dict.fromkeys(RESERVED, 1) if self.path == MAIN else {}
        count = self.children[short] = self.children.get(short, 0) + 1
        if count > 1:
            short = f"{short}#{count}"
        return short if self.path == MAIN else f"{self.path}/{short}"
