"""Applications with objects of native types, into which nobody can look."""

from fastapi import FastAPI, WebSocket

app = FastAPI()
hidden = iter(range(1_000_000))


@app.websocket("/takes")
async def takes(websocket: WebSocket) -> None:
    """Keeps state in an object that cannot be put back."""
    await websocket.accept()
    await websocket.send_text(str(next(hidden)))
    await websocket.close()


@app.websocket("/has")
async def has(websocket: WebSocket) -> None:
    """Has such an object, and leaves it alone."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
