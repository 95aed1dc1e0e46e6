"""Frames on their way: the network of the asgi fidelity, where nothing is encoded."""

from sim.model.frames import Frame, FrameKind
from sim.network.pipe import Pipe

_ENDS = (FrameKind.FIN, FrameKind.RST)


class FrameLink(Pipe[Frame]):
    """Carries frames from one end to the other. No back-pressure: frames are few and small."""

    _closed = False

    def send(self, frame: Frame) -> None:
        """Put `frame` on its way; a reset overtakes what has not arrived."""
        if frame.kind is FrameKind.RST:
            self.drop_travelling()
        self._put(frame, Frame.brief, jitters=frame.kind is not FrameKind.RST)

    async def get(self, until: int | None = None) -> list[Frame]:
        """Return all frames that have arrived, waiting for the first.

        None if the reader closes, or if nothing has come by the tick `until`.

        A reader of a socket, too, takes whatever is there in one go; but the end of the stream, FIN
        or RST, is a read of its own (tcp(7): pending data come before the error).
        """
        self.world.read(self.name)
        while not self._closed and not (frames := self.arrived()):
            if until is None:
                await self.wait_readable()
            elif self.world.come(until):
                return []
            else:
                timer = self.world.wake_at(until, self._readers)
                await self.wait_readable()
                self.world.drop(timer)
        if self._closed:
            self.world.read(self.name)  # who closed it let this reader go on
            return []
        ends = (index for index, frame in enumerate(frames) if frame.kind in _ENDS)
        frames = frames[: max(1, next(ends, len(frames)))]
        for _ in frames:
            self._items.popleft()
        self.world.write(self.name)
        return frames

    def close_reader(self) -> None:
        """Take in nothing more, and let who waits for it go on."""
        self._closed = True
        self.world.write(self.name)
        self.wake()

    @property
    def reset(self) -> bool:
        """Whether a reset has arrived that the reader has not taken yet."""
        self.world.read(self.name)
        come = self.world.come
        return any(f.kind is FrameKind.RST and come(tick) for tick, f in self._items)
