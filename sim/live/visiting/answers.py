"""Which of the messages that a client waits for came."""


class Answers:
    """Counts those of one session.

    awaited, answered: of waits that are over. fresh: whether a wait counts what comes after the
    last message that was sent, or all that has come and was not waited for yet.
    """

    def __init__(self, fresh: bool) -> None:
        self.awaited = self.answered = 0
        self._fresh = fresh
        self._received = self._wanted = self._missing = 0

    def begin(self, number: int) -> None:
        """Begin to wait for so many messages more."""
        self._wanted += number
        self._missing = number

    def note_send(self) -> None:
        """Take note that a message is about to be sent: answers are what comes from now on."""
        if self._fresh and not self._missing:
            self._wanted = self._received

    def take(self) -> None:
        """Take a message."""
        self._received += 1

    @property
    def are_there(self) -> bool:
        """Whether all have come that are waited for."""
        return self._received >= self._wanted

    def end(self) -> None:
        """End a wait, if one is under way; what has not come never came, and no later wait is for
        it.
        """
        lost = max(0, min(self._missing, self._wanted - self._received))
        self.awaited += self._missing
        self.answered += self._missing - lost
        self._wanted -= lost
        self._missing = 0
