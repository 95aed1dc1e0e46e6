"""Rooms whose handlers meet the end of another client's connection, each in another way."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
active: list[WebSocket] = []


async def say(text: str) -> None:
    for member in list(active):
        await member.send_text(text)


async def say_to_all(text: str) -> None:
    for member in list(active):
        try:
            await member.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            continue


@app.websocket("/kicks")
async def kicks(websocket: WebSocket) -> None:
    """Takes whoever's end for the end of its own client."""
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await say(await websocket.receive_text())
    except (WebSocketDisconnect, RuntimeError):
        active.remove(websocket)


@app.websocket("/goes-on")
async def goes_on(websocket: WebSocket) -> None:
    """Catches it where it rises, and reads on."""
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await say_to_all(await websocket.receive_text())
    except WebSocketDisconnect:
        active.remove(websocket)


@app.websocket("/says-goodbye")
async def says_goodbye(websocket: WebSocket) -> None:
    """Ends by a close of its own, which its client is told."""
    await websocket.accept()
    active.append(websocket)
    try:
        while True:
            await say(await websocket.receive_text())
    except (WebSocketDisconnect, RuntimeError):
        active.remove(websocket)
    try:
        await websocket.close(1011)
    except (WebSocketDisconnect, RuntimeError):
        return
