# SPDX-License-Identifier: PostgreSQL
"""Answers shipping.quote: how and when an order would arrive."""

import asyncio
import json
import os
import uuid
from datetime import date, timedelta

import nats

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
DELIVERY_TIME = timedelta(days=3)


async def main():
    nc = await nats.connect(NATS_URL)

    async def handle_shipping_quote(msg):
        request = json.loads(msg.data)
        answer = {
            "order_id": request["order_id"],
            "shipping_id": str(uuid.uuid4()),
            "estimated_delivery": (date.today() + DELIVERY_TIME).isoformat(),
        }
        await msg.respond(json.dumps(answer).encode())

    await nc.subscribe("shipping.quote", cb=handle_shipping_quote)
    await nc.flush()
    print("Shipping service running…", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await nc.close()


if __name__ == "__main__":
    asyncio.run(main())
