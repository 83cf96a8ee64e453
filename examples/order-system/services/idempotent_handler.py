# SPDX-License-Identifier: PostgreSQL
"""Prices each new order once, however often it hears of it.

What cannot be priced raises: NATS delivers it again, and after max_deliver times it becomes a dead
letter.
"""

import asyncio
import hashlib
import json
import os
from decimal import Decimal

import nats
import redis.asyncio as redis_client

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")
REMEMBER_FOR = 30 * 24 * 3600  # seconds


def event_id(event):
    return hashlib.sha256(f"{event['order_id']}-{event['timestamp']}".encode()).hexdigest()


async def main():
    redis = redis_client.from_url(REDIS_URL)
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()

    async def process_order(event):
        price = sum(Decimal(item["unit_price"]) * item["quantity"] for item in event["items"])
        await redis.rpush(
            "orders:priced", json.dumps({"order_id": event["order_id"], "price": str(price)})
        )

    async def handle_order_created_idempotent(msg):
        event = json.loads(msg.data)
        key = f"event_processed:{event_id(event)}"
        if not await redis.exists(key):
            await process_order(event)
            await redis.setex(key, REMEMBER_FOR, "true")
        await msg.ack()

    await js.subscribe(
        "fraiseql.order.created", cb=handle_order_created_idempotent, durable="idempotent-processor"
    )
    print("Idempotent handler running…", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await nc.close()
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
