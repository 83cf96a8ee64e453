# SPDX-License-Identifier: PostgreSQL
"""A client of the GraphQL service: mutations and queries by HTTP, subscriptions by WebSocket."""

import asyncio
import json
import urllib.request

import websockets

CREATE_ORDER = """
mutation ($customerId: ID!, $items: [OrderItemInput!]!, $address: String!) {
  createOrder(customerId: $customerId, items: $items, shippingAddress: $address) { id status total }
}"""
UPDATE_STATUS = """
mutation ($id: ID!, $status: String!) { updateOrderStatus(id: $id, status: $status) { id status } }"""
ORDER = "query ($id: ID!) { order(id: $id) { id customerId total status createdAt updatedAt } }"
BY_STATUS = """
query ($status: String!, $limit: Int!) { ordersByStatus(status: $status, limit: $limit) { id status } }"""


class Refused(RuntimeError):
    def __init__(self, errors):
        super().__init__(errors[0]["message"])
        self.code = errors[0].get("extensions", {}).get("code")


class Client:
    def __init__(self, port):
        self.port = port

    def _request(self, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    async def ask(self, query, **variables):
        """Returns the only field of the answer's data."""
        body = json.dumps({"query": query, "variables": variables})
        answer = await asyncio.to_thread(self._request, "/graphql", body.encode())
        if answer.get("errors"):
            raise Refused(answer["errors"])
        return next(iter(answer["data"].values()))

    async def listeners(self):
        return (await asyncio.to_thread(self._request, "/health"))["listeners"]


class Subscriber:
    """Keeps the ids of the orders that each subscription brings.  A context manager."""

    def __init__(self, port, *subscriptions, path="/graphql"):
        self._url = f"ws://127.0.0.1:{port}{path}"
        self.received = {name: [] for name in subscriptions}

    async def __aenter__(self):
        self._socket = await websockets.connect(self._url, subprotocols=["graphql-transport-ws"])
        await self._send(type="connection_init")
        answer = json.loads(await self._socket.recv())
        if answer["type"] != "connection_ack":
            raise RuntimeError(f"the GraphQL service answers {answer}")
        for name in self.received:
            query = f"subscription {{ {name} {{ id status }} }}"
            await self._send(type="subscribe", id=name, payload={"query": query})
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._reader.cancel()
        await self._socket.close()

    async def _send(self, **message):
        await self._socket.send(json.dumps(message))

    async def _read(self):
        async for text in self._socket:
            message = json.loads(text)
            if message["type"] == "ping":
                await self._send(type="pong")
            elif message["type"] == "next" and message["payload"].get("data"):
                (order,) = message["payload"]["data"].values()
                self.received[message["id"]].append(order["id"])
