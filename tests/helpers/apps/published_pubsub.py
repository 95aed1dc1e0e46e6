"""Topics of fastapi-websocket-pubsub in a FastAPI application."""

from fastapi import FastAPI
from fastapi_websocket_pubsub import PubSubEndpoint

app = FastAPI()
PubSubEndpoint().register_route(app, "/pubsub")
