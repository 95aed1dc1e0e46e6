"""The paths that an application answers, as far as its framework tells."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sim.errors import UserError
from sim.model.appscript import Script
from sim.model.plain import near

_PARAMETER = re.compile(r"\{[^}]*\}|<[^>]*>")
_DEPTH = 20


class Route(NamedTuple):
    """A path that an application answers."""

    path: str
    methods: frozenset[str] = frozenset()
    """By which methods of HTTP; none for whatever it is asked by."""
    is_websocket: bool = False
    below: bool = False
    """Whether it stands for everything below it: another application, which tells no routes."""


def routes_of(app: Any) -> list[Route] | None:
    """Return what an application answers; None if nobody can tell.

    Starlette, and what is built on it, keeps `routes`, mounted applications among them; Quart keeps
    a map of rules. Middleware is looked through.
    """
    found = app
    for _ in range(_DEPTH):
        if getattr(found, "url_map", None) is not None:
            return list(map(_quart, found.url_map.iter_rules()))
        if isinstance(getattr(found, "routes", None), list):
            return list(dict.fromkeys(_starlette(found.routes, "")))
        found = getattr(found, "app", None)
        if found is None:
            return None
    return None


def websocket_routes(app: Any) -> list[str] | None:
    """Return the paths at which an application takes WebSockets; None if nobody can tell."""
    routes = routes_of(app)
    return None if routes is None else [one.path for one in routes if one.is_websocket]


def _quart(rule: Any) -> Route:
    methods = frozenset(getattr(rule, "methods", None) or ())
    return Route(rule.rule, methods, bool(getattr(rule, "websocket", False)))


def _starlette(routes: list[Any], prefix: str) -> Iterator[Route]:
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        inner = getattr(route, "routes", None)
        included = getattr(route, "original_router", None)  # of FastAPI, as of 0.130
        if included is not None:
            context = getattr(route, "include_context", None)
            yield from _starlette(included.routes, prefix + getattr(context, "prefix", ""))
            continue
        kind = type(route).__name__
        if kind.endswith("WebSocketRoute"):
            yield Route(path, is_websocket=True)
        elif isinstance(inner, list) and (inner or not kind.endswith("Mount")):
            yield from _starlette(inner, path)
        else:
            below = not hasattr(route, "endpoint")
            yield Route(path, frozenset(getattr(route, "methods", None) or ()), below=below)


def paths_for(app: Any, scripts: Sequence[Script], name: str) -> tuple[str, ...]:
    """Return the path of each client, "" for one that opens no WebSocket.

    Raises UserError if an application has several routes and a script says none, and if it has not
    the one that a script says, or not one that a request asks for.
    """
    known = routes_of(app)
    asked = [one.path for one in scripts if one.connects]
    if known is None:
        return tuple((one.path or "/") if one.connects else "" for one in scripts)
    routes = [one.path for one in known if one.is_websocket]
    if asked and not routes:
        raise UserError(f"app {name!r}: it has no WebSocket route")
    faults = list(_no_such_path(routes, asked, name))
    if not getattr(app, "user_middleware", None):  # which may answer by itself
        faults += _no_such_request(known, scripts, name)
    if faults:
        raise UserError(*faults)
    return tuple(
        _filled(one.path or routes[0], number) if one.connects else ""
        for number, one in enumerate(scripts, 1)
    )


def _no_such_path(routes: list[str], asked: list[str], name: str) -> Iterator[str]:
    """Yield a fault for each path at which no WebSocket is taken."""
    for path in dict.fromkeys(asked):
        if not path and len(routes) > 1:
            yield (
                f"app {name!r}: it has {len(routes)} WebSocket routes; --path says which: "
                f"{', '.join(routes)}"
            )
        elif path and not any(_matches(route, path) for route in routes):
            close = near(path, routes)
            yield (
                f"--path {path!r}: no such WebSocket route; there are: {', '.join(routes)}{close}"
            )


def _no_such_request(known: list[Route], scripts: Sequence[Script], name: str) -> Iterator[str]:
    """Yield a fault for each request that nothing answers: its run would show nothing."""
    routes = [one for one in known if not one.is_websocket]
    for step in dict.fromkeys(step for script in scripts for step in script.requests):
        path, method = step.text.partition("?")[0], step.act.upper()
        here = [one for one in routes if one.below and f"{path}/".startswith(f"{one.path}/")]
        here += [one for one in routes if not one.below and _matches(one.path, path)]
        if any(method in one.methods or not one.methods for one in here):
            continue
        words = [f"{'|'.join(sorted(one.methods)) or 'any'} {one.path}" for one in routes]
        close = near(path, [one.path for one in routes])
        yield (
            f"{method} {path!r}: app {name!r} answers no such request; there are: "
            f"{', '.join(words) or 'none'}{close}"
        )


def _matches(route: str, path: str) -> bool:
    """Whether a route answers a path; one as it stands in the application counts, too."""
    if path == route:
        return True
    parts = _PARAMETER.split(route)
    slots = _PARAMETER.findall(route)
    pattern = re.escape(parts[0])
    for slot, part in zip(slots, parts[1:], strict=True):
        pattern += (".*" if ":path" in slot or "path:" in slot else "[^/]+") + re.escape(part)
    return re.fullmatch(pattern, path.partition("?")[0]) is not None


def _filled(path: str, number: int) -> str:
    """Return a path with a number for each parameter: another one for each client."""
    return _PARAMETER.sub(str(number), path)
