# SPDX-License-Identifier: PostgreSQL
"""What happens while FraiseQL's server runs, and what must come of it."""

import asyncio
import uuid
from collections import Counter

from api import BY_STATUS, CREATE_ORDER, ORDER, UPDATE_STATUS, Subscriber
from books import Stream
from orders import CHAIR, as_input, item

STREAM = "fraiseql_events"
CONSUMER = "fraiseql_observer_worker"  # as both FraiseQL and fraiseql_nats name it
ROWS = "fraiseql.mutation.Order"
AT_ONCE = 20  # orders, after the first
ORDERS = 1 + AT_ONCE + 1  # the last one is made in SQL
# Each subscription with the operations whose events it brings.
SUBSCRIPTIONS = {
    "orderCreated": ["INSERT"],
    "orderShipped": ["INSERT", "UPDATE"],  # FraiseQL makes nothing of its topic
    "orderUpdated": ["UPDATE"],
}


class Story:
    def __init__(self, processes, pool, js, upstream, results, say):
        self._wait_until = processes.wait_until
        self._pool = pool
        self._js = js
        self._stream = Stream(js, STREAM)
        self._upstream = upstream
        self._client = upstream.client
        self._results = results
        self._say = say
        self._customer = str(uuid.uuid4())

    async def tell(self):
        health = self._upstream.health()
        self._results.must_be("FraiseQL's server", "healthy", health)
        async with Subscriber(self._client.port, *SUBSCRIPTIONS, path="/ws") as subscriber:
            await self._make_one_order()
            await self._make_many_orders()
            await self._check_stream()
            await self._check_subscriptions(subscriber.received)
        await self._check_consumer()
        await self._kill_the_server()
        await self._check_our_side()

    # --- Orders --------------------------------------------------------------------------------

    async def _create(self):
        return await self._client.ask(
            CREATE_ORDER,
            customerId=self._customer,
            items=as_input([item(CHAIR, quantity=2)]),
            address="1 Main St",
        )

    async def _create_in_sql(self, conn):
        await conn.execute("SELECT fn_create_order($1, '[]', 'past FraiseQL')", self._customer)

    async def _make_one_order(self):
        results, ask = self._results, self._client.ask
        self._say("Creating an order, reading it back, and shipping it")
        with results.step("createOrder"):
            created = await self._create()
            results.must_be("createOrder: status", "pending", created["status"])
        with results.step("order"):
            order = await ask(ORDER, id=created["id"])
            found = (order["customerId"], order["status"])
            results.must_be("order: customerId, status", (self._customer, "pending"), found)
            made = "SELECT to_jsonb(created_at) #>> '{}' FROM tb_order WHERE id = $1"
            expected = await self._pool.fetchval(made, created["id"])
            results.must_be("order: createdAt", expected, order["createdAt"])
        with results.step("updateOrderStatus"):
            shipped = await ask(UPDATE_STATUS, id=created["id"], status="shipped")
            results.must_be("updateOrderStatus: status", "shipped", shipped["status"])
        with results.step("ordersByStatus"):
            orders = await ask(BY_STATUS, status="shipped", limit=10)
            found = [order["id"] for order in orders]
            results.must_be("ordersByStatus: ids", [created["id"]], found)
        with results.step("updateOrderStatus of no order"):
            answer = await ask(UPDATE_STATUS, id=str(uuid.uuid4()), status="shipped")
            results.must_be("updateOrderStatus of no order", {"status": "not_found"}, answer)

    async def _make_many_orders(self):
        self._say(f"Creating {AT_ONCE} at once, one in SQL, and one that is rolled back")
        with self._results.step("many orders"):
            await asyncio.gather(*(self._create() for _ in range(AT_ONCE)))
            async with self._pool.acquire() as conn:
                await self._create_in_sql(conn)
                transaction = conn.transaction()
                await transaction.start()
                await self._create_in_sql(conn)
                await transaction.rollback()
            count = await self._pool.fetchval("SELECT count(*) FROM tb_order")
            self._results.must_be("orders in the database", ORDERS, count)

    # --- What comes of them --------------------------------------------------------------------

    async def _read_stream(self):
        """When all that is committed by now is in it."""
        flushed = await self._pool.fetchval("SELECT pg_current_wal_flush_lsn()")

        async def is_published():
            return await self._pool.fetchval(
                "SELECT confirmed_lsn >= $1 AND in_flight = 0 FROM fraiseql_nats.status()", flushed
            )

        await self._wait_until("everything is published", is_published)
        await self._stream.read()

    async def _check_stream(self):
        results, stream = self._results, self._stream
        with results.step("stream"):
            await self._read_stream()
            found = Counter(message.subject for message in stream.messages)
            for subject, count in (
                ("fraiseql.order.created", ORDERS),
                ("fraiseql.order.status_changed", 1),
                (f"{ROWS}.INSERT", ORDERS),
                (f"{ROWS}.UPDATE", 1),
            ):
                results.must_be(f"stream: {subject}", count, found.pop(subject, 0))
            results.must_be("stream: other messages", 0, found.total())
            notified = {event["order_id"] for event in stream.on("fraiseql.order.created")}
            inserted = {event["entity_id"] for event in stream.on(f"{ROWS}.INSERT")}
            results.must_be("stream: orders on one subject only", 0, len(notified ^ inserted))
            (sent,) = stream.on("fraiseql.order.created")[0]["items"]
            results.must_be("stream: product_id of an item", CHAIR, sent.get("product_id"))

    async def _check_subscriptions(self, received):
        self._say("Waiting for the subscriptions")
        for name, operations in SUBSCRIPTIONS.items():
            with self._results.step(f"subscription {name}"):
                events = [self._stream.on(f"{ROWS}.{operation}") for operation in operations]
                expected = Counter(event["entity_id"] for event in sum(events, []))

                def has_all(name=name, count=expected.total()):
                    return len(received[name]) >= count

                try:
                    await self._wait_until("all events are there", has_all, timeout=15)
                except TimeoutError:
                    pass  # the line says how many there are
                found = Counter(received[name])
                self._results.must_be(
                    f"subscription {name}: events, missing",
                    (expected.total(), 0),
                    (found.total(), (expected - found).total()),
                )

    # --- FraiseQL's consumer -------------------------------------------------------------------

    async def _wait_for_consumer(self):
        """Returns whether it has acknowledged the last event, when it has nothing left to do."""

        async def has_nothing_left():
            info = await self._js.consumer_info(STREAM, CONSUMER)
            return info.num_pending + info.num_ack_pending == 0

        await self._wait_until("FraiseQL's consumer has acknowledged all", has_nothing_left)
        info = await self._js.consumer_info(STREAM, CONSUMER)
        numbered = enumerate(self._stream.messages, start=1)
        last = max(n for n, message in numbered if message.subject.startswith(ROWS))
        return info.ack_floor.stream_seq >= last

    async def _check_consumer(self):
        results, undecodable = self._results, self._upstream.undecodable
        with results.step("FraiseQL's consumer"):
            acknowledged = await self._wait_for_consumer()
            results.must_be("FraiseQL's consumer: all acknowledged", True, acknowledged)
            info = await self._js.consumer_info(STREAM, CONSUMER)
            results.must_be("FraiseQL's consumer: events", ORDERS + 1, info.delivered.consumer_seq)
            results.must_be("FraiseQL's consumer: not decoded", 0, undecodable())
        with results.step("of a message that is no event"):
            publish = "SELECT fraiseql_nats.publish($1, '{}'::jsonb)"
            await self._pool.execute(publish, f"{ROWS}.INSERT")
            await self._wait_until("it is given up", undecodable, timeout=15)
            results.must_be("of a message that is no event: not decoded", 1, undecodable())

    async def _kill_the_server(self):
        self._say("Killing FraiseQL's server (kill -9), and starting it again after another order")
        with self._results.step("after a kill"):
            await self._upstream.kill_and_start(lambda: self._create_in_sql(self._pool))
            await self._read_stream()
            found = (await self._wait_for_consumer(), self._upstream.undecodable())
            what = "after a kill: all acknowledged, not decoded"
            self._results.must_be(what, (True, 0), found)

    async def _check_our_side(self):
        with self._results.step("fraiseql_nats"):
            status = await self._pool.fetchrow("SELECT state, hint FROM fraiseql_nats.status()")
            self._results.must_be("fraiseql_nats: state, hint", ("streaming", None), tuple(status))
            dead = await self._pool.fetchval("SELECT count(*) FROM fraiseql_nats.dead_letters()")
            self._results.must_be("fraiseql_nats: dead letters", 0, dead)
