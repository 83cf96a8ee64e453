# SPDX-License-Identifier: PostgreSQL
"""The order system's GraphQL schema, as FraiseQL's documentation prints it, with these differences:

- sql_source of a query is in its decorator: the Python package never runs a function's body;
- subscriptions are told apart by what their topic contains (see README.md), so there is order_updated.

    python schema.py schema.json
"""

import sys
from decimal import Decimal

import fraiseql
from fraiseql.scalars import ID, DateTime


@fraiseql.type
class Order:
    id: ID
    customer_id: ID
    total: Decimal
    status: str
    created_at: DateTime
    updated_at: DateTime


@fraiseql.input
class OrderItemInput:
    product_id: ID
    quantity: int
    unit_price: Decimal


@fraiseql.mutation(sql_source="fn_create_order", operation="CREATE")
def create_order(customer_id: ID, items: list[OrderItemInput], shipping_address: str) -> Order:
    """Create order."""


@fraiseql.mutation(sql_source="fn_update_order_status", operation="UPDATE")
def update_order_status(id: ID, status: str) -> Order:
    """Update order status."""


@fraiseql.subscription(entity_type="Order", topic="order_created")
def order_created() -> Order:
    """Newly created orders."""


@fraiseql.subscription(entity_type="Order", topic="order_updated")
def order_updated() -> Order:
    """Orders of which anything has changed."""


@fraiseql.subscription(entity_type="Order", topic="order_status_changed")
def order_shipped() -> Order:
    """As printed: gets every event of an order."""


@fraiseql.query(sql_source="v_order")
def order(id: ID) -> Order | None:
    """Get order by ID."""


@fraiseql.query(sql_source="v_order")
def orders_by_status(status: str, limit: int = 100) -> list[Order]:
    """Get orders by status."""


if __name__ == "__main__":
    fraiseql.export_schema(sys.argv[1])
