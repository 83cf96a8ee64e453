# SPDX-License-Identifier: PostgreSQL
"""The books' lines about the GraphQL service: mutations, subscriptions, queries, and its page."""

import operator
import uuid
from collections import Counter

from api import BY_STATUS, ORDER, UPDATE_STATUS, Refused
from orders import COMMITTED, NO_STOCK, SHIPPED

# Of FraiseQL's mutation_response since 2.2.
COLUMNS = (
    "succeeded state_changed error_class status_detail http_status message entity_id entity_type"
    " entity updated_fields cascade error_detail metadata"
).split()
# Each subscription with the subject that it is about.
SUBSCRIPTIONS = {
    "orderCreated": "fraiseql.order.created",
    "orderStatusChanged": "fraiseql.order.status_changed",
    "orderShipped": "fraiseql.order.status_changed",
}


async def enter_mutations(system, books, created, shipped):
    ids = {order["id"] for order in created}
    books.must_be("GraphQL: orders that createOrder answers", len(COMMITTED), len(ids))
    in_stream = set(system.stream.order_ids("fraiseql.order.created"))
    books.must_be("GraphQL: of them in the stream", len(COMMITTED), len(ids & in_stream))
    done = [order["status"] for order in shipped].count("shipped")
    books.must_be("GraphQL: updateOrderStatus answers, all twice", 2 * SHIPPED, done)


async def enter_contract(system, books):
    """What FraiseQL's own server would read of a mutation's row."""
    update = "SELECT * FROM api.fn_update_order_status($1, 'shipped')"
    shipped = await system.pool.fetchval("SELECT id FROM tb_order WHERE status = 'shipped' LIMIT 1")
    noop = await system.pool.fetchrow(update, shipped)
    unknown = await system.pool.fetchrow(update, uuid.uuid4())
    books.must_be("mutation_response: columns", len(COLUMNS), len(noop))
    same = sum(found == column for found, column in zip(noop.keys(), COLUMNS))
    books.must_be("mutation_response: of them where FraiseQL has them", len(COLUMNS), same)
    for what, row, expected in (
        ("nothing to do", noop, (True, False, None)),
        ("no such order", unknown, (False, False, "not_found")),
    ):
        found = (row["succeeded"], row["state_changed"], row["error_class"])
        books.must_be(f"mutation_response: {what}", 3, sum(map(operator.eq, expected, found)))


async def enter_subscriptions(system, books, subscriber):
    for name, subject in SUBSCRIPTIONS.items():
        received = subscriber.received[name]
        expected = system.stream.order_ids(subject)
        books.must_be(f"GraphQL: {name} events", expected.total(), len(received))
        missing = expected - Counter(received)
        books.must_be(f"GraphQL: {name} events missing", 0, missing.total())


async def enter_queries(system, books):
    rows = await system.pool.fetch("SELECT id, customer_id, status FROM tb_order")
    same = 0
    for row in rows:
        order = await system.client.ask(ORDER, id=str(row["id"]))
        same += order is not None and (order["customerId"], order["status"]) == (
            str(row["customer_id"]),
            row["status"],
        )
    books.must_be("GraphQL: order(id) reads back", len(rows), same)

    statuses = Counter(row["status"] for row in rows)
    expected = {
        "shipped": SHIPPED,
        "confirmed": len(rows) - NO_STOCK - SHIPPED,
        "cancelled": NO_STOCK,
        "pending": 0,
    }
    for status, number in expected.items():
        found = await system.client.ask(BY_STATUS, status=status, limit=1000)
        of_them = {order["id"] for order in found if order["status"] == status}
        books.must_be(f"GraphQL: ordersByStatus({status})", number, len(of_them))
    books.must_be("orders with a status of these", len(rows), sum(statuses[s] for s in expected))
    await enter_refusals(system, books)


async def enter_refusals(system, books):
    """What cannot be done is refused, with the error class that the SQL gives."""
    unknown = str(uuid.uuid4())
    nothing = await system.client.ask(ORDER, id=unknown)
    books.must_be(
        "GraphQL: an unknown order is null", "null", "null" if nothing is None else nothing
    )
    try:
        await system.client.ask(UPDATE_STATUS, id=unknown, status="shipped")
        code = "none"
    except Refused as refused:
        code = refused.code
    books.must_be("GraphQL: error of its update", "not_found", code)


async def enter_page(system, books, browser):
    if not browser.is_there:
        books.skip("page: counts", "no chromium")
        return
    shown = await browser.counts()
    for name, number in (await page_counts(system)).items():
        books.must_be(f"page: {name}", number, shown[name])


async def page_counts(system):
    """What the page must show when nothing passes any more."""
    orders = dict(await system.pool.fetch("SELECT status, count(*) FROM tb_order GROUP BY status"))
    statuses = ("pending", "confirmed", "shipped", "cancelled")
    return {
        "orders": sum(orders.values()),
        **{status: orders.get(status, 0) for status in statuses},
        "events": len(system.stream.messages),
        "dead": len(system.stream.on("fraiseql.dlq")),
    }
