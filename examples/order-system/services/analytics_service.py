# SPDX-License-Identifier: PostgreSQL
"""Counts order events, in the Redis hash "metrics".

Run as many replicas as you like: the queue group gives each event to one of them.
"""

import asyncio
import json
import os

import nats
import redis.asyncio as redis_client

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")


async def main():
    redis = redis_client.from_url(REDIS_URL)
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()

    async def increment_metric(name, value):
        await redis.hincrbyfloat("metrics", name, value)

    async def process_order_event(msg):
        event = json.loads(msg.data)
        event_type = event.get("type")

        if event_type == "order.created":
            await increment_metric("orders.created", 1)
            await increment_metric("orders.total_revenue", float(event.get("total", 0)))
        elif event_type == "order.confirmed":
            await increment_metric("orders.confirmed", 1)
        elif event_type == "order.error":
            await increment_metric(f"orders.errors.{event.get('error', 'unknown')}", 1)
            await increment_metric("orders.failed", 1)

        await msg.ack()

    await js.subscribe(
        "fraiseql.order.>", cb=process_order_event, durable="analytics", queue="analytics"
    )
    print("Analytics service running…", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await nc.close()
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
