"""Handlers as users write them: what each of them makes of a client that leaves."""

from starlette.websockets import WebSocket


async def talks(websocket: WebSocket) -> None:
    """Let the disconnect escape."""
    while True:
        await websocket.receive_text()


async def closes_again(websocket: WebSocket) -> None:
    """Close a WebSocket of whose end it was told."""
    try:
        await talks(websocket)
    except Exception as error:
        await websocket.close(1011, str(error))


async def apologises(websocket: WebSocket) -> None:
    """Send to a client that has said that it leaves."""
    try:
        await talks(websocket)
    except Exception as error:
        await websocket.send_text(str(error))


async def goes_on(websocket: WebSocket) -> None:
    """Receive where a send has failed."""
    try:
        await websocket.send_text("hello")
    except Exception:
        await websocket.receive_text()


async def swallows(websocket: WebSocket) -> None:
    """Receive after a send has failed, and leave no trace of that."""
    for _ in range(2):
        try:
            await websocket.send_text("hello")
        except Exception:
            continue
    await websocket.receive_text()


async def orders(websocket: WebSocket) -> None:
    """Fail for a reason that has nothing to do with the connection."""
    order = await websocket.receive_text()
    raise ValueError(f"no such order: {order}")
