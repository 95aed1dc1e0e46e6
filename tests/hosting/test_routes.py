"""The paths at which an application takes WebSockets."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from sim.errors import UserError
from sim.hosting.routes import paths_for, websocket_routes


async def endpoint(websocket: WebSocket) -> None:
    await websocket.accept()


def fastapi() -> FastAPI:
    app, router = FastAPI(), APIRouter(prefix="/api")
    app.websocket("/ws/{client_id}")(endpoint)
    router.websocket("/feed")(endpoint)
    app.include_router(router)
    return app


def one_route() -> Starlette:
    return Starlette(routes=[WebSocketRoute("/ws/{number:int}/{rest:path}", endpoint)])


def mounted() -> Starlette:
    inner = Starlette(routes=[WebSocketRoute("/chat", endpoint)])
    return Starlette(routes=[Route("/", endpoint), Mount("/v1", app=inner)])


class Wrapped:
    def __init__(self, app: Any) -> None:
        self.app = app


async def raw(scope: Any, receive: Any, send: Any) -> None:
    return


def test_routes_are_found_in_routers_mounts_and_behind_middleware() -> None:
    assert websocket_routes(fastapi()) == ["/ws/{client_id}", "/api/feed"]
    assert websocket_routes(mounted()) == ["/v1/chat"]
    assert websocket_routes(Wrapped(Wrapped(mounted()))) == ["/v1/chat"]
    assert websocket_routes(raw) is None


def test_parameters_become_numbers_one_for_each_client() -> None:
    asked = ("/ws/{client_id}", "/ws/{client_id}")
    assert paths_for(fastapi(), asked, "a:b") == ("/ws/1", "/ws/2")
    assert paths_for(one_route(), ("", ""), "a:b") == ("/ws/1/1", "/ws/2/2")
    assert paths_for(mounted(), ("",), "a:b") == ("/v1/chat",)
    assert paths_for(raw, ("", "/x"), "a:b") == ("/", "/x")


def test_a_path_may_be_given_as_it_is_asked_for() -> None:
    assert paths_for(fastapi(), ("/ws/alice?token=1",), "a:b") == ("/ws/alice?token=1",)
    assert paths_for(one_route(), ("/ws/3/a/b",), "a:b") == ("/ws/3/a/b",)


@pytest.mark.parametrize(
    ("app", "asked", "said"),
    [
        (fastapi(), "", "it has 2 WebSocket routes; --path says which: /ws/{client_id}, /api/feed"),
        (fastapi(), "/api/feet", "no such WebSocket route; there are: /ws/{client_id}, /api/feed"),
        (fastapi(), "/ws/1/2", "no such WebSocket route"),
        (Starlette(), "", "it has no WebSocket route"),
    ],
)
def test_a_route_that_is_not_there_is_said_with_those_that_are(
    app: Any, asked: str, said: str
) -> None:
    with pytest.raises(UserError) as raised:
        paths_for(app, (asked,), "a:b")
    assert said in str(raised.value)
