"""GraphQL subscriptions with ariadne, over graphql-transport-ws; a hook that saves something."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from ariadne import QueryType, SubscriptionType, make_executable_schema
from ariadne.asgi import GraphQL
from ariadne.asgi.handlers import GraphQLTransportWSHandler

query, subscription = QueryType(), SubscriptionType()


@query.field("version")
def version(*_: Any) -> str:
    return "1"


@subscription.source("ticks")
async def ticks(_: Any, info: Any, count: int) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0.05)
        yield number


@subscription.field("ticks")
def tick(number: int, info: Any, count: int) -> int:
    return number


async def save(websocket: Any, operation: Any) -> None:
    """What takes a database a moment."""
    await asyncio.sleep(0.01)


schema = make_executable_schema(
    "type Query { version: String! } type Subscription { ticks(count: Int!): Int! }",
    query,
    subscription,
)
app = GraphQL(schema, websocket_handler=GraphQLTransportWSHandler(on_complete=save))
plain = GraphQL(schema, websocket_handler=GraphQLTransportWSHandler())
