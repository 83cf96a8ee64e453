# SPDX-License-Identifier: PostgreSQL
"""Takes the dead letters: logs each one, tells the operators, and hands orders to manual review.

The log and the operators' notes are the Redis lists "dead_letters" and "ops_notes".
"""

import asyncio
import json
import os
from datetime import datetime, timezone

import nats
import redis.asyncio as redis_client

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379")


def should_manual_retry(event):
    return "order_id" in event


async def main():
    redis = redis_client.from_url(REDIS_URL)
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()

    async def log_dead_letter(entry):
        await redis.rpush("dead_letters", json.dumps(entry))

    async def notify_ops(note):
        await redis.rpush("ops_notes", note)

    async def handle_dead_letter(msg):
        event = json.loads(msg.data)
        await log_dead_letter(
            {
                "timestamp": datetime.now(timezone.utc).isoformat(),
                "event": event,
                "reason": "Max retries exceeded",
            }
        )
        await notify_ops(f"Dead letter: {event.get('order_id')}")
        if should_manual_retry(event):
            await js.publish("fraiseql.order.manual_review", json.dumps(event).encode())
        await msg.ack()

    await js.subscribe("fraiseql.dlq", cb=handle_dead_letter, durable="dlq-handler")
    print("Dead letter handler running…", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await nc.close()
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
