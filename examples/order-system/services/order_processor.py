# SPDX-License-Identifier: PostgreSQL
"""Sets the status of each order when it is decided: "confirmed", or "cancelled" for want of stock.

Works through a stream of its own, "orders", which has all order events of the stream of
fraiseql-observer.toml, with the durable pull consumer "order-processor".  Run as many replicas as you
like.  An event that comes twice, or late, finds the order no longer pending and changes nothing.
"""

import asyncio
import json
import os

import asyncpg
import nats
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig, StreamSource

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://localhost/inventory_db")
SOURCE = StreamSource(name="fraiseql_events", filter_subject="fraiseql.order.>")
STREAM = StreamConfig(name="orders", sources=[SOURCE], max_age=30 * 24 * 3600)
CONSUMER = ConsumerConfig(
    durable_name="order-processor", ack_policy=AckPolicy.EXPLICIT, ack_wait=30
)
STATUS_AFTER = {"order.confirmed": "confirmed", "order.reservation_failed": "cancelled"}
TRY_AGAIN_AFTER = 2  # seconds


async def set_status(db_pool, event):
    status = STATUS_AFTER.get(event.get("type"))
    if status:
        await db_pool.execute(
            """
            SELECT fn_update_order_status(id, $2) FROM tb_order
            WHERE id = $1::uuid AND status = 'pending'
            """,
            event["order_id"],
            status,
        )


async def process(db_pool, msg):
    try:
        await set_status(db_pool, json.loads(msg.data))
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        print(f"try again: {error}", flush=True)
        await msg.nak(delay=TRY_AGAIN_AFTER)
    except Exception as error:  # trying again would not help
        print(f"not an order event: {error!r}: {msg.data[:200]}", flush=True)
        await msg.term()
    else:
        await msg.ack()


async def main():
    db_pool = await asyncpg.create_pool(DATABASE_URL)
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()
    await js.add_stream(STREAM)
    await js.add_consumer(STREAM.name, CONSUMER)
    events = await js.pull_subscribe_bind(durable=CONSUMER.durable_name, stream=STREAM.name)
    print("Order processor running…", flush=True)
    try:
        while True:
            try:
                batch = await events.fetch(50, timeout=5)
            except asyncio.TimeoutError:  # nothing to do
                continue
            for msg in batch:
                await process(db_pool, msg)
    finally:
        await nc.close()
        await db_pool.close()


if __name__ == "__main__":
    asyncio.run(main())
