# SPDX-License-Identifier: PostgreSQL
"""The orders of a run, what must become of them, and how they are created."""

import asyncio
import json
import uuid

from api import CREATE_ORDER

SESSIONS = 6
ORDERS = 330
CHAIR, TABLE, PRINT, LAMP = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 5))
PRINTS_IN_STOCK = 40
SHIPPED = 20  # so many of the confirmed ones are shipped in the end
POISON = [{"product_id": CHAIR, "quantity": 1, "unit_price": "a handshake"}]


def item(product_id, quantity=1):
    return {"product_id": product_id, "quantity": quantity, "unit_price": "19.90"}


def items_of(n):
    """Of ten orders one cannot be met, one only in part, and two are for what runs out."""
    match n % 10:
        case 1:
            return [item(LAMP)]
        case 2:
            return [item(CHAIR), item(LAMP)]
        case 3 | 4:
            return [item(PRINT)]
        case _:
            return [item(CHAIR, quantity=1 + n % 3), item(TABLE)]


def is_rolled_back(n):
    return n % 10 == 0


COMMITTED = [n for n in range(ORDERS) if not is_rolled_back(n)]  # and the poisoned one
# How many of them there is no stock for.
NO_STOCK = sum(item(LAMP) in items_of(n) for n in COMMITTED)
NO_STOCK += sum(item(PRINT) in items_of(n) for n in COMMITTED) - PRINTS_IN_STOCK


async def create_order_in_sql(conn, items, commit=True):
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute(
        "SELECT fn_create_order($1, $2, $3)", uuid.uuid4(), json.dumps(items), "1 Main St"
    )
    await (transaction.commit() if commit else transaction.rollback())


def as_input(items):
    """As GraphQL wants them."""
    return [
        {
            "productId": item["product_id"],
            "quantity": item["quantity"],
            "unitPrice": item["unit_price"],
        }
        for item in items
    ]


async def create_orders(pool, client, numbers):
    """Those that stay by GraphQL mutations, whose answers it returns; the others in SQL."""
    todo = iter(numbers)
    created = []

    async def session():
        async with pool.acquire() as conn:
            for n in todo:
                items = items_of(n)
                if is_rolled_back(n):
                    await create_order_in_sql(conn, items, commit=False)
                    continue
                order = await client.ask(
                    CREATE_ORDER,
                    customerId=str(uuid.uuid4()),
                    items=as_input(items),
                    address="1 Main St",
                )
                created.append(order)

    await asyncio.gather(*(session() for _ in range(SESSIONS)))
    return created
