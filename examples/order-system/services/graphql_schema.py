# SPDX-License-Identifier: PostgreSQL
"""The GraphQL schema: types, queries, mutations and subscriptions, on the SQL of schema.sql.

A resolver finds the database (`db_pool`) and the events (`feed`) in info.context.  The mutations call
their functions as FraiseQL does: by name alone, arguments in camelCase, 13 columns back.
"""

import json
from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from graphql import GraphQLError
from strawberry import ID

MOST = 1000  # orders that a query may ask for


# --- Types ---------------------------------------------------------------------------------------


@strawberry.type
class Order:
    id: ID
    customer_id: ID
    total: Decimal
    status: str  # 'pending', 'confirmed', 'shipped', 'delivered', 'cancelled'
    created_at: datetime
    updated_at: datetime


@strawberry.type
class OrderItem:
    id: ID
    order_id: ID
    product_id: ID
    quantity: int
    unit_price: Decimal


@strawberry.type
class Reservation:
    id: ID
    order_id: ID
    product_id: ID
    quantity: int
    status: str
    created_at: datetime
    expires_at: datetime | None


@strawberry.type
class Shipping:
    id: ID
    order_id: ID
    address: str
    status: str
    tracking_number: str | None
    estimated_delivery: datetime | None


@strawberry.input
class OrderItemInput:
    product_id: ID
    quantity: int
    unit_price: Decimal


# --- SQL -----------------------------------------------------------------------------------------


def order_from(data):
    """From the JSON text of v_order.data."""
    fields = json.loads(data, parse_float=Decimal)
    return Order(
        id=ID(fields["id"]),
        customer_id=ID(fields["customer_id"]),
        total=Decimal(fields["total"]),
        status=fields["status"],
        created_at=datetime.fromisoformat(fields["created_at"]),
        updated_at=datetime.fromisoformat(fields["updated_at"]),
    )


def uuid_from(text, name):
    try:
        return UUID(text)
    except ValueError:
        raise GraphQLError(f'{name} is not a UUID: "{text}"', extensions={"code": "validation"})


async def load_order(db_pool, order_id):
    data = await db_pool.fetchval("SELECT data FROM v_order WHERE id = $1", order_id)
    return order_from(data) if data else None


async def mutate(info, call, *arguments):
    row = await info.context["db_pool"].fetchrow(f"SELECT * FROM {call}", *arguments)
    if not row["succeeded"]:
        raise GraphQLError(row["message"], extensions={"code": row["error_class"]})
    return order_from(row["entity"])


# --- The schema ----------------------------------------------------------------------------------


@strawberry.type
class Query:
    @strawberry.field(description="Get order by ID.")
    async def order(self, info: strawberry.Info, id: ID) -> Order | None:
        return await load_order(info.context["db_pool"], uuid_from(id, "id"))

    @strawberry.field(description="Get orders by status, the newest first.")
    async def orders_by_status(
        self, info: strawberry.Info, status: str, limit: int = 100
    ) -> list[Order]:
        if not 0 <= limit <= MOST:
            raise GraphQLError(f"limit must be 0 to {MOST}", extensions={"code": "validation"})
        rows = await info.context["db_pool"].fetch(
            """
            SELECT data FROM v_order WHERE data->>'status' = $1
            ORDER BY data->>'created_at' DESC LIMIT $2
            """,
            status,
            limit,
        )
        return [order_from(row["data"]) for row in rows]


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Create order. Services hear of it by fraiseql.order.created.")
    async def create_order(
        self,
        info: strawberry.Info,
        customer_id: ID,
        items: list[OrderItemInput],
        shipping_address: str,
    ) -> Order:
        as_sent = [
            {
                "productId": item.product_id,
                "quantity": item.quantity,
                "unitPrice": str(item.unit_price),
            }
            for item in items
        ]
        return await mutate(
            info,
            "fn_create_order($1, $2, $3)",
            uuid_from(customer_id, "customerId"),
            json.dumps(as_sent),
            shipping_address,
        )

    @strawberry.mutation(description="Update order status.")
    async def update_order_status(self, info: strawberry.Info, id: ID, status: str) -> Order:
        return await mutate(info, "fn_update_order_status($1, $2)", uuid_from(id, "id"), status)


async def orders_of(info, subject):
    """Yields the order of each event on the subject, as it is now."""
    async for message in info.context["feed"].listen():
        if message.subject != subject:
            continue
        try:
            order_id = UUID(message.event.get("order_id"))
        except (TypeError, ValueError):
            continue
        order = await load_order(info.context["db_pool"], order_id)
        if order:
            yield order


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Subscribe to newly created orders.")
    async def order_created(self, info: strawberry.Info) -> AsyncGenerator[Order, None]:
        async for order in orders_of(info, "fraiseql.order.created"):
            yield order

    @strawberry.subscription(description="Subscribe to order status changes.")
    async def order_status_changed(self, info: strawberry.Info) -> AsyncGenerator[Order, None]:
        async for order in orders_of(info, "fraiseql.order.status_changed"):
            yield order

    @strawberry.subscription(description="Another name of orderStatusChanged.")
    async def order_shipped(self, info: strawberry.Info) -> AsyncGenerator[Order, None]:
        async for order in orders_of(info, "fraiseql.order.status_changed"):
            yield order


schema = strawberry.Schema(Query, Mutation, Subscription, types=[OrderItem, Reservation, Shipping])
