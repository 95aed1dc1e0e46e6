"""The same as `served`, of consumers of Django Channels; those that make sense there."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path

from tests.logs.forms.served import note_the_end

settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Ends with its client."""

    async def dispatch(self, message: Any) -> None:
        """Do what a message asks for, and say when it was the last."""
        try:
            await super().dispatch(message)
        except BaseException:
            note_the_end(type(self).__name__)
            raise


class Echo(Consumer):
    async def receive(self, text_data: str = "", bytes_data: bytes = b"") -> None:
        await self.send(text_data)
        await self.close()


class SendAfterClose(Consumer):
    async def receive(self, text_data: str = "", bytes_data: bytes = b"") -> None:
        await self.close()
        await self.send("sorry")


class ClosesTwice(Consumer):
    async def receive(self, text_data: str = "", bytes_data: bytes = b"") -> None:
        await self.close()
        await self.close()


class SendInDisconnect(Consumer):
    async def disconnect(self, code: int) -> None:
        await self.send("sorry")


class CloseInDisconnect(Consumer):
    async def disconnect(self, code: int) -> None:
        await self.close()


class SendBeforeAccept(Consumer):
    async def connect(self) -> None:
        await self.send("hello")


class Last(Consumer):
    async def receive(self, text_data: str = "", bytes_data: bytes = b"") -> None:
        raise ValueError("that is all")


CONSUMERS = {
    "echo": Echo,
    "send_after_close": SendAfterClose,
    "closes_twice": ClosesTwice,
    "apology": SendInDisconnect,
    "close_in_disconnect": CloseInDisconnect,
    "send_before_accept": SendBeforeAccept,
    "last": Last,
}
routes = [path(name, consumer.as_asgi()) for name, consumer in CONSUMERS.items()]
app = ProtocolTypeRouter({"websocket": URLRouter(routes)})
