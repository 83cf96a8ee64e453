# SPDX-License-Identifier: PostgreSQL
"""The running order system: its services, and the connections through which it is looked at."""

import os
import sys
from pathlib import Path

import asyncpg
import nats
import redis.asyncio as redis_client

from api import Client
from books import Stream
from orders import SESSIONS
from machine import free_port

TREE = Path(__file__).resolve().parents[2]
EXAMPLE = TREE / "examples" / "order-system"
STREAM = "fraiseql_events"
SERVICES = {
    "orchestrator": "order_orchestration_service.py",
    "inventory": "inventory_service.py",
    "shipping": "shipping_service.py",
    "analytics-1": "analytics_service.py",
    "analytics-2": "analytics_service.py",
    "idempotent-handler": "idempotent_handler.py",
    "dlq-handler": "dlq_handler.py",
    "order-processor": "order_processor.py",
    "graphql": "graphql_service.py",
}


class System:
    """What runs, and connections to it."""

    def __init__(self, processes, urls):
        self.processes = processes
        self.nats_url = urls["NATS_URL"]
        self.client = Client(free_port())
        self._env = {**os.environ, **urls, "GRAPHQL_PORT": str(self.client.port)}

    async def connect(self):
        self.nc = await nats.connect(self.nats_url)
        self.js = self.nc.jetstream()
        self.stream = Stream(self.js, STREAM)
        self.pool = await asyncpg.create_pool(
            self._env["DATABASE_URL"], min_size=SESSIONS, max_size=SESSIONS
        )
        self.redis = redis_client.from_url(self._env["REDIS_URL"], decode_responses=True)

    async def close(self):
        await self.redis.aclose()
        await self.pool.close()
        await self.nc.close()

    async def start_services(self, *names):
        started = []
        for name in names:
            command = [sys.executable, EXAMPLE / "services" / SERVICES[name]]
            started.append(self.processes.start(name, command, self._env))
        await self.processes.wait_until(
            f"{', '.join(names)} run", lambda: all("running" in p.output() for p in started)
        )

    async def decided(self):
        """How many orders have come to an end."""
        await self.stream.read()
        endings = ("confirmed", "failed", "error")
        ids = [self.stream.order_ids(f"fraiseql.order.{ending}") for ending in endings]
        return len(set().union(*ids))

    async def consumer(self, name, stream=STREAM):
        return await self.js.consumer_info(stream, name)
