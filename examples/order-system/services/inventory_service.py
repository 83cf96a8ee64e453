# SPDX-License-Identifier: PostgreSQL
"""Answers inventory.reserve: reserves all items of an order, or none.

The request may come twice for the same order, since the orchestrator hears of it at least once: the
second answer is that of the first.
"""

import asyncio
import json
import os

import asyncpg
import nats

NATS_URL = os.environ.get("NATS_URL", "nats://localhost:4222")
DATABASE_URL = os.environ.get("DATABASE_URL", "postgresql://localhost/inventory_db")


class InsufficientInventory(Exception):
    pass


async def reserve_item(conn, product_id, quantity):
    reserved = await conn.fetchval(
        """
        UPDATE tb_inventory SET reserved = reserved + $2
        WHERE fk_product = (SELECT pk_product FROM tb_product WHERE id = $1::uuid)
          AND available - reserved >= $2
        RETURNING pk_inventory
        """,
        product_id,
        quantity,
    )
    if reserved is None:
        raise InsufficientInventory(f"Insufficient inventory for {product_id}")


async def reserve(conn, order_id, items):
    """Returns the id of the order's reservation."""
    async with conn.transaction():
        earlier = await conn.fetchval(
            "SELECT id FROM tb_reservation WHERE order_id = $1::uuid", order_id
        )
        if earlier:
            return str(earlier)

        for item in items:
            await reserve_item(conn, item["product_id"], item["quantity"])
        return str(
            await conn.fetchval(
                """
                INSERT INTO tb_reservation (order_id, status, identifier)
                VALUES ($1::uuid, 'reserved', 'RES-' || gen_random_uuid())
                RETURNING id
                """,
                order_id,
            )
        )


async def main():
    db_pool = await asyncpg.create_pool(DATABASE_URL)
    nc = await nats.connect(NATS_URL)

    async def handle_inventory_reserve(msg):
        try:
            request = json.loads(msg.data)
            order_id, items = request["order_id"], request["items"]
            async with db_pool.acquire() as conn:
                reservation_id = await reserve(conn, order_id, items)
            answer = {
                "success": True,
                "reservation_id": reservation_id,
                "items": [
                    {"product_id": item["product_id"], "quantity": item["quantity"]}
                    for item in items
                ],
            }
        except Exception as error:
            answer = {"success": False, "reason": str(error)}
        await msg.respond(json.dumps(answer).encode())

    await nc.subscribe("inventory.reserve", cb=handle_inventory_reserve)
    await nc.flush()
    print("Inventory service running…", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await nc.close()
        await db_pool.close()


if __name__ == "__main__":
    asyncio.run(main())
