"""Who may connect when: a bounded rate, and a pause that grows while the server refuses.

It knows no clock: whoever asks says what time it is, in seconds.
"""

from typing import Final

SHORTEST_S: Final = 0.5
"""The first pause after a refusal."""
LONGEST_S: Final = 30.0
"""No pause is longer: each refusal doubles it up to here."""
PATIENCE_S: Final = 60.0
"""A server that refuses for so long, and takes nobody in between, is given up."""


class Gate:
    """One for all clients of a run.

    While it pauses nobody tries; behind the pause one client does, and who comes meanwhile is put
    off. A success ends that.
    """

    def __init__(self, rate: float) -> None:
        self.pauses = 0
        """How often it began to pause, or to pause longer."""
        self._every_s = 1 / rate
        self._next_s = float("-inf")
        self._pause_s = 0.0
        self._until_s = 0.0
        self._trying = False
        self._failing_since_s: float | None = None

    def reserve(self, now_s: float) -> float:
        """Return how long the next client has to wait for its turn."""
        self._next_s = max(now_s, self._next_s + self._every_s)
        return self._next_s - now_s

    def admits(self, now_s: float) -> bool:
        """Whether a client may try now. While the server refuses, one at a time may."""
        if not self._pause_s:
            return True
        if self._trying or now_s < self._until_s:
            return False
        self._trying = True
        return True

    def refuse(self, now_s: float) -> None:
        """Take note that the server refused somebody."""
        self._trying = False
        if self._failing_since_s is None:
            self._failing_since_s = now_s
        if now_s < self._until_s:
            return  # it had begun before the pause: the same refusal, seen once more
        self._pause_s = min(LONGEST_S, max(SHORTEST_S, 2 * self._pause_s))
        self._until_s = now_s + self._pause_s
        self.pauses += 1

    def accept(self) -> None:
        """Take note that the server answers."""
        self._pause_s = self._until_s = 0.0
        self._trying = False
        self._failing_since_s = None

    def forget(self) -> None:
        """Take note that a client went away without having learned anything."""
        self._trying = False

    def is_hopeless(self, now_s: float) -> bool:
        """Whether the server has refused for so long that nothing more is to be learned."""
        since = self._failing_since_s
        return since is not None and now_s - since >= PATIENCE_S
