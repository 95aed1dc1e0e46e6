"""Handlers as people reported them, for the tests in tests/regressions."""

import asyncio
import contextlib
import os
import subprocess
import threading
import uuid
from collections.abc import Awaitable, Callable

import anyio
import trio
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import WebSocketEndpoint
from starlette.websockets import WebSocket, WebSocketDisconnect

# -- another event loop, threads -------------------------------------------------------------------


async def with_wait_for(ws: WebSocket) -> None:
    await ws.accept()
    while True:
        try:
            await ws.send_text(await asyncio.wait_for(ws.receive_text(), 0.01))
        except TimeoutError:
            continue


async def with_create_task(ws: WebSocket) -> None:
    await ws.accept()
    reader = asyncio.create_task(ws.receive_text())
    await reader


async def with_sleep(ws: WebSocket) -> None:
    await ws.accept()
    await asyncio.sleep(0.01)


yield_to_the_loop = asyncio.sleep
running_loop = asyncio.get_running_loop


async def with_a_bare_yield(ws: WebSocket) -> None:
    await ws.accept()
    await yield_to_the_loop(0)


async def with_its_own_reference(ws: WebSocket) -> None:
    await ws.accept()
    running_loop()


async def with_a_queue(ws: WebSocket) -> None:
    await ws.accept()
    await asyncio.Queue[str]().get()


async def with_an_event(ws: WebSocket) -> None:
    await ws.accept()
    await asyncio.Event().wait()


async def with_gather(ws: WebSocket) -> None:
    await ws.accept()
    await asyncio.gather(ws.receive_text(), ws.receive_text())


async def with_a_swallowed_error(ws: WebSocket) -> None:
    await ws.accept()
    try:
        asyncio.get_running_loop()
    except Exception:
        await ws.receive_text()


async def with_a_loop_of_its_own(ws: WebSocket) -> None:
    await ws.accept()
    asyncio.new_event_loop()


async def with_a_future(ws: WebSocket) -> None:
    await ws.accept()
    await asyncio.Future[None]()


async def with_a_task_group(ws: WebSocket) -> None:
    await ws.accept()
    async with asyncio.TaskGroup() as group:
        group.create_task(ws.receive_text())


async def with_an_executor(ws: WebSocket) -> None:
    await ws.accept()
    await asyncio.get_event_loop().run_in_executor(None, threading.get_ident)


async def with_starlettes_thread_pool(ws: WebSocket) -> None:
    await ws.accept()
    await run_in_threadpool(threading.get_ident)


async def with_a_process(ws: WebSocket) -> None:
    await ws.accept()
    subprocess.run(["true"], check=True)  # noqa: ASYNC221 - that is the point


async def with_a_shell(ws: WebSocket) -> None:
    await ws.accept()
    os.system("true")  # noqa: ASYNC221 - that is the point


async def with_a_socket(ws: WebSocket) -> None:
    await ws.accept()
    with contextlib.suppress(Exception):
        await trio.open_tcp_stream("127.0.0.1", 9)
    await ws.receive_text()


async def exiting(ws: WebSocket) -> None:
    await ws.accept()
    raise SystemExit(3)


async def sending_chance(ws: WebSocket) -> None:
    await ws.accept()
    await ws.send_text(uuid.uuid4().hex)


async def sending_a_set(ws: WebSocket) -> None:
    """The order of a set of texts differs from process to process."""
    await ws.accept()
    await ws.send_text(str(set(map(str, range(99)))))


async def with_a_thread(ws: WebSocket) -> None:
    await ws.accept()
    await trio.to_thread.run_sync(threading.get_ident)


# -- exception groups ------------------------------------------------------------------------------


async def closing_by_a_timer(ws: WebSocket) -> None:
    """A timer closes a client that did not introduce itself; it does not ask whether he is there.

    mirumee/ariadne pull request 972, Kludex/uvicorn pull request 2332.
    """
    await ws.accept()
    introduced = anyio.Event()

    async def timer() -> None:
        with anyio.move_on_after(5):
            await introduced.wait()
            return
        await ws.close(4408)

    async with anyio.create_task_group() as group:
        group.start_soon(timer)
        try:
            while True:
                await ws.receive_text()
                introduced.set()
        except WebSocketDisconnect:
            pass


async def raising_twice(ws: WebSocket) -> None:
    """Two tasks fail, one after the other, the second while it is cancelled."""
    await ws.accept()

    async def first() -> None:
        await anyio.sleep(0.001)
        raise KeyError("first")

    async def second() -> None:
        try:
            await anyio.sleep(1)
        finally:
            raise ValueError("second")

    async with anyio.create_task_group() as group:
        group.start_soon(second)
        group.start_soon(first)


async def receiving_each_round(ws: WebSocket) -> None:
    """Each round starts one more receiver, and the one before it still waits.

    Kludex/starlette issue 871.
    """
    await ws.accept()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ws.receive_json)
            await anyio.sleep(0.02)


# -- waiting ---------------------------------------------------------------------------------------


async def echo(ws: WebSocket) -> None:
    await ws.accept()
    while True:
        await ws.send_text(await ws.receive_text())


async def echo_after_two(ws: WebSocket) -> None:
    """Answers every second message, so a client that waits for an answer to its first is stuck."""
    await ws.accept()
    while True:
        await ws.receive_text()
        await ws.send_text(await ws.receive_text())


async def waiting_for_nothing(ws: WebSocket) -> None:
    """Waits for ever for something that is not its client, who has gone."""
    await ws.accept()
    await trio.sleep_forever()


# -- state that is kept ----------------------------------------------------------------------------


class Manager:
    """A connection manager as in FastAPI's tutorial, that forgets nobody on an error."""

    def __init__(self) -> None:
        self.there: list[WebSocket] = []

    async def serve(self, ws: WebSocket) -> None:
        await ws.accept()
        self.there.append(ws)
        while True:
            text = await ws.receive_text()
            for one in self.there:
                await one.send_text(text)


manager = Manager()
shown: list[None] = []


async def managed(ws: WebSocket) -> None:
    await manager.serve(ws)


def make_managed() -> Callable[[WebSocket], Awaitable[None]]:
    return Manager().serve


async def raises_once(ws: WebSocket) -> None:
    """Fails for the first connection of a process, and never again: its state has filled up."""
    await ws.accept()
    shown.append(None)
    if len(shown) == 1:
        raise LookupError("not warm")


# -- what fails whatever the order -----------------------------------------------------------------


async def reading_json(ws: WebSocket) -> None:
    """receive_json meets text that is no JSON, or a binary frame. Kludex/starlette issue 3552."""
    await ws.accept()
    try:
        while True:
            await ws.send_json(await ws.receive_json())
    except WebSocketDisconnect:
        pass


class Room(WebSocketEndpoint):
    """on_connect reads to the end, then the endpoint's own loop reads once more.

    Kludex/starlette issue 2617.
    """

    encoding = "json"

    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async with anyio.create_task_group() as group:

            async def reader() -> None:
                async for _ in websocket.iter_json():
                    pass
                group.cancel_scope.cancel()

            group.start_soon(reader)
            group.start_soon(anyio.sleep, 1000)


async def reading_twice(ws: WebSocket) -> None:
    await Room(ws.scope, ws._receive, ws._send)


async def polling(ws: WebSocket) -> None:
    """Polls for a message with a tiny timeout; no message may be lost. fastapi issue 3008."""
    await ws.accept()
    try:
        while True:
            with anyio.move_on_after(0.0001):
                await ws.receive_text()
            await anyio.sleep(0.01)
    except WebSocketDisconnect:
        pass
