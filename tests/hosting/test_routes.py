"""The paths at which an application takes WebSockets."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.routing import Mount, Route, WebSocketRoute

from sim.errors import UserError
from sim.hosting.routes import paths_for, websocket_routes
from sim.model.scriptreader import parse


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


def paths(app: Any, *asked: str) -> tuple[str, ...]:
    return paths_for(app, [parse(f"{path} close".strip()) for path in asked], "a:b")


def requests(app: Any, *scripts: str) -> tuple[str, ...]:
    return paths_for(app, list(map(parse, scripts)), "a:b")


def test_parameters_become_numbers_one_for_each_client() -> None:
    asked = ("/ws/{client_id}", "/ws/{client_id}")
    assert paths(fastapi(), *asked) == ("/ws/1", "/ws/2")
    assert paths(one_route(), "", "") == ("/ws/1/1", "/ws/2/2")
    assert paths(mounted(), "") == ("/v1/chat",)
    assert paths(raw, "", "/x") == ("/", "/x")


def test_a_path_may_be_given_as_it_is_asked_for() -> None:
    assert paths(fastapi(), "/ws/alice?token=1") == ("/ws/alice?token=1",)
    assert paths(one_route(), "/ws/3/a/b") == ("/ws/3/a/b",)


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
        paths(app, asked)
    assert said in str(raised.value)


def pages() -> Starlette:
    """Return an application that answers by methods, with two mounted: one tells no routes."""
    inner = Starlette(routes=[Route("/told/{name}", endpoint, methods=["POST"])])
    return Starlette(
        routes=[
            WebSocketRoute("/ws", endpoint),
            Route("/page", endpoint, methods=["GET", "DELETE"]),
            Mount("/v1", app=inner),
            Mount("/files", app=raw),
        ]
    )


@pytest.mark.parametrize(
    "script",
    [
        "get:/page?a=b",
        "delete:/page",
        "post:/v1/told/me x",
        "put:/files/any/where x",
        "sleep:5, get:/page",
        "after:c1:2, get:/page",
    ],
)
def test_a_client_that_only_makes_requests_asks_for_no_websocket(script: str) -> None:
    assert requests(pages(), script, "close") == ("", "/ws")
    assert requests(Wrapped(raw), script, "close") == ("", "/")


def test_requests_alone_need_no_route_for_websockets() -> None:
    assert requests(Starlette(routes=[Route("/page", endpoint)]), "get:/page") == ("",)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("close, get:/pages", "GET '/pages': app 'a:b' answers no such request; there are: "),
        ("post:/page x", "DELETE|GET|HEAD /page"),
        ("get:/ws", "GET '/ws': app 'a:b' answers no such request"),
        ("post:/v1/told/a/b", "POST /v1/told/{name}, any /files"),
        ("get:/pagee", "did you mean '/page'?"),
    ],
)
def test_a_request_that_nothing_answers_is_refused_with_what_is_answered(
    script: str, said: str
) -> None:
    with pytest.raises(UserError) as raised:
        requests(pages(), script)
    assert said in str(raised.value)
