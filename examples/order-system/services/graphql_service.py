# SPDX-License-Identifier: PostgreSQL
"""The GraphQL API, and a page that shows what passes.

/graphql    queries and mutations by HTTP, subscriptions by WebSocket (graphql-transport-ws)
/           the page
/events     every message of the stream, as server-sent events; the page reads it
/health     how many listen
"""

import asyncio
import json
import os
from pathlib import Path

import asyncpg
import nats
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from event_feed import EventFeed
from graphql_schema import schema

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://localhost/inventory_db")
PORT = int(os.environ.get("GRAPHQL_PORT", "8000"))
PAGE = Path(__file__).with_name("page.html")


class OrderAPI(GraphQL):
    def __init__(self, **context):
        super().__init__(
            schema, graphql_ide=None, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL]
        )
        self._context = context

    async def get_context(self, request, response):
        return {"request": request, "response": response, **self._context}


def make_app(db_pool, feed):
    async def page(request):
        return FileResponse(PAGE)

    async def health(request):
        return JSONResponse({"listeners": feed.listeners})

    async def events(request):
        last_seen = request.headers.get("last-event-id", "0")
        after = int(last_seen) if last_seen.isdecimal() else 0

        async def server_sent():
            yield ": events of the stream\n\n"
            async for message in feed.listen(after):
                body = json.dumps({"subject": message.subject, "event": message.event})
                yield f"id: {message.place}\ndata: {body}\n\n"

        return StreamingResponse(server_sent(), media_type="text/event-stream")

    api = OrderAPI(db_pool=db_pool, feed=feed)
    return Starlette(
        routes=[
            Route("/", page),
            Route("/health", health),
            Route("/events", events),
            Route("/graphql", api),
            WebSocketRoute("/graphql", api),
        ]
    )


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(f"GraphQL service running… http://127.0.0.1:{PORT}/", flush=True)


async def main():
    # The functions of the schema "api" come before those of the same name that they call.
    db_pool = await asyncpg.create_pool(
        DATABASE_URL, server_settings={"search_path": "api, public"}
    )
    nc = await nats.connect(NATS_URL)
    feed = EventFeed()
    await feed.start(nc.jetstream())
    app = make_app(db_pool, feed)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=PORT, log_level="warning", timeout_graceful_shutdown=1
    )
    try:
        await Server(config).serve()
    finally:
        await nc.close()
        await db_pool.close()


if __name__ == "__main__":
    asyncio.run(main())
