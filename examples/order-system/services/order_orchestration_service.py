# SPDX-License-Identifier: PostgreSQL
"""Carries each new order through: reserves its items, asks for shipping, publishes how it ended.

An order ends as fraiseql.order.confirmed, .failed (no stock) or .error (a service did not answer).
"""

import asyncio
import json
import os
from datetime import datetime, timezone

import nats

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
ANSWER_WITHIN = 5  # seconds


async def main():
    nc = await nats.connect(NATS_URL)
    js = nc.jetstream()

    async def request(subject, body):
        response = await nc.request(subject, json.dumps(body).encode(), timeout=ANSWER_WITHIN)
        return json.loads(response.data)

    async def publish(subject, event_type, order_id, **fields):
        event = {
            "type": event_type,
            "timestamp": datetime.now(timezone.utc).isoformat(),
            "order_id": order_id,
            **fields,
        }
        await js.publish(subject, json.dumps(event).encode())

    async def carry_through(order_id, items, address):
        reservation = await request("inventory.reserve", {"order_id": order_id, "items": items})
        if not reservation.get("success"):
            await publish(
                "fraiseql.order.failed",
                "order.reservation_failed",
                order_id,
                reason=reservation.get("reason"),
            )
            return

        shipping = await request(
            "shipping.quote", {"order_id": order_id, "address": address, "items": items}
        )
        await publish(
            "fraiseql.order.confirmed",
            "order.confirmed",
            order_id,
            reservation_id=reservation.get("reservation_id"),
            shipping_id=shipping.get("shipping_id"),
            estimated_delivery=shipping.get("estimated_delivery"),
        )

    async def handle_order_created(msg):
        event = json.loads(msg.data)
        order_id, items = event["order_id"], event["items"]
        try:
            await carry_through(order_id, items, event["shipping"])
        except Exception as error:
            await publish("fraiseql.order.error", "order.error", order_id, error=str(error))
        await msg.ack()

    await js.subscribe("fraiseql.order.created", cb=handle_order_created, durable="orchestrator")
    print("Order orchestration service running…", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
