"""The paths at which an application takes WebSockets, as far as its framework tells."""

import re
from collections.abc import Iterator
from typing import Any

from sim.errors import UserError
from sim.model.plain import near

_PARAMETER = re.compile(r"\{[^}]*\}|<[^>]*>")
_DEPTH = 20


def websocket_routes(app: Any) -> list[str] | None:
    """Return the paths of an application's WebSocket routes; None if nobody can tell.

    Starlette, and what is built on it, keeps `routes`, mounted applications among them; Quart keeps
    a map of rules. Middleware is looked through.
    """
    found = app
    for _ in range(_DEPTH):
        if getattr(found, "url_map", None) is not None:
            rules = found.url_map.iter_rules()
            return [rule.rule for rule in rules if getattr(rule, "websocket", False)]
        if isinstance(getattr(found, "routes", None), list):
            return list(dict.fromkeys(_starlette(found.routes, "")))
        found = getattr(found, "app", None)
        if found is None:
            return None
    return None


def _starlette(routes: list[Any], prefix: str) -> Iterator[str]:
    for route in routes:
        path = prefix + str(getattr(route, "path", ""))
        inner = getattr(route, "routes", None)
        included = getattr(route, "original_router", None)  # of FastAPI, as of 0.130
        if included is not None:
            context = getattr(route, "include_context", None)
            yield from _starlette(included.routes, prefix + getattr(context, "prefix", ""))
            continue
        if type(route).__name__.endswith("WebSocketRoute"):
            yield path
        elif isinstance(inner, list):
            yield from _starlette(inner, path)


def paths_for(app: Any, asked: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the path of each client. asked: what its script says, "" for the only route.

    Raises UserError if an application has several routes and none was said, or has not that one.
    """
    routes = websocket_routes(app)
    if routes is None:
        return tuple(path or "/" for path in asked)
    if not routes:
        raise UserError(f"app {name!r}: it has no WebSocket route")
    faults = []
    for path in dict.fromkeys(asked):
        if not path and len(routes) > 1:
            faults.append(
                f"app {name!r}: it has {len(routes)} WebSocket routes; --path says which: "
                f"{', '.join(routes)}"
            )
        elif path and not any(_matches(route, path) for route in routes):
            close = near(path, routes)
            faults.append(
                f"--path {path!r}: no such WebSocket route; there are: {', '.join(routes)}{close}"
            )
    if faults:
        raise UserError(*faults)
    return tuple(_filled(path or routes[0], number) for number, path in enumerate(asked, 1))


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
