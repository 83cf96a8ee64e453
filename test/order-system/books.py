# SPDX-License-Identifier: PostgreSQL
"""The books of a run: what happened, in lines whose expected and found numbers must agree."""

import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field

from orders import COMMITTED, NO_STOCK, ORDERS, POISON, SHIPPED


@dataclass
class Message:
    subject: str
    event: dict
    headers: dict


class Stream:
    """The messages of a stream, as far as read() has read them."""

    def __init__(self, js, name):
        self._js = js
        self.name = name
        self.messages = []

    async def read(self):
        state = (await self._js.stream_info(self.name)).state
        while len(self.messages) < state.last_seq:
            raw = await self._js.get_msg(self.name, len(self.messages) + 1)
            self.messages.append(Message(raw.subject, json.loads(raw.data), raw.headers or {}))

    def on(self, subject):
        return [message.event for message in self.messages if message.subject == subject]

    def order_ids(self, subject):
        """How many messages each order has on the subject."""
        return Counter(event.get("order_id") for event in self.on(subject))

    def types(self, prefix):
        """How many messages of each type there are on subjects below the prefix."""
        return Counter(m.event.get("type") for m in self.messages if m.subject.startswith(prefix))


@dataclass
class Books:
    lines: list = field(default_factory=list)
    not_tried: int = 0

    def must_be(self, what, expected, found):
        self.lines.append((what, expected, found))

    def note(self, what, found):
        self.lines.append((what, "", found))

    def skip(self, what, reason):
        self.not_tried += 1
        self.note(what, f"not tried: {reason}")

    def add_up(self):
        return all(expected in ("", found) for _, expected, found in self.lines)

    def __str__(self):
        rows = [f"    {'':54} {'expected':>9} {'found':>9}"]
        for what, expected, found in self.lines:
            mark = "" if expected in ("", found) else "   <--"
            rows.append(f"    {what:54} {expected:>9} {found:>9}{mark}")
        return "\n".join(rows)


async def enter_orders(system, books):
    stream = system.stream
    committed = {str(row["id"]) for row in await system.pool.fetch("SELECT id FROM tb_order")}
    created = stream.order_ids("fraiseql.order.created")
    confirmed = stream.order_ids("fraiseql.order.confirmed")
    failed = stream.order_ids("fraiseql.order.failed")
    status_changed = stream.order_ids("fraiseql.order.status_changed")

    books.note("orders rolled back", ORDERS - len(COMMITTED))
    books.must_be("orders committed", len(COMMITTED) + 1, len(committed))
    books.must_be("created: messages", len(committed), created.total())
    books.must_be("created: committed orders", len(committed), len(committed & set(created)))
    books.must_be("confirmed: orders", len(committed) - NO_STOCK, len(confirmed))
    books.must_be("failed: orders", NO_STOCK, len(failed))
    books.must_be("confirmed and failed: orders", 0, len(set(confirmed) & set(failed)))
    books.note("confirmed or failed: messages", confirmed.total() + failed.total())
    books.must_be("error: messages", 0, len(stream.on("fraiseql.order.error")))
    decided = len(confirmed) + len(failed)
    books.must_be("status_changed: messages", decided + SHIPPED, status_changed.total())
    books.must_be("status_changed: orders", decided, len(status_changed))


async def enter_inventory(system, books):
    confirmed = system.stream.order_ids("fraiseql.order.confirmed")
    created = system.stream.on("fraiseql.order.created")
    ordered = sum(
        item["quantity"]
        for event in created
        if event.get("order_id") in confirmed
        for item in event["items"]
    )
    reserved = await system.pool.fetchval("SELECT sum(reserved) FROM tb_inventory")
    reservations = await system.pool.fetchval("SELECT count(*) FROM tb_reservation")
    books.must_be("inventory: reservations", len(confirmed), reservations)
    books.must_be("inventory: pieces reserved", ordered, reserved)


async def enter_counters(system, books):
    entries = await system.redis.lrange("orders:priced", 0, -1)
    priced = [json.loads(entry)["order_id"] for entry in entries]
    books.must_be("idempotent handler: orders priced", len(COMMITTED), len(set(priced)))
    books.must_be("idempotent handler: orders priced twice", 0, len(priced) - len(set(priced)))

    metrics = await system.redis.hgetall("metrics")
    types = system.stream.types("fraiseql.order.")
    for metric, event_type in (
        ("orders.created", "order.created"),
        ("orders.confirmed", "order.confirmed"),
        ("orders.failed", "order.error"),
    ):
        books.must_be(f"analytics: {metric}", types[event_type], int(metrics.get(metric, 0)))


async def enter_stream(system, books, toml):
    asked = tomllib.loads(toml.read_text())["transport"]["nats"]["jetstream"]
    config = (await system.js.stream_info(system.stream.name)).config
    books.must_be("stream: days", asked["max_age_days"], int(config.max_age / 86400))
    books.must_be("stream: bytes", asked["max_bytes"], config.max_bytes)
    books.must_be("stream: messages", asked["max_msgs"], config.max_msgs)
    dedup_minutes = int(config.duplicate_window / 60)
    books.must_be("stream: minutes of dedup", asked["dedup_window_minutes"], dedup_minutes)


async def enter_dead_letters(system, books):
    dead = system.stream.on("fraiseql.dlq")
    review = system.stream.on("fraiseql.order.manual_review")
    books.must_be("dead letters: messages", 1, len(dead))
    books.must_be("dead letters: logged", 1, await system.redis.llen("dead_letters"))
    books.must_be("dead letters: operators told", 1, await system.redis.llen("ops_notes"))
    books.must_be("dead letters: of the poisoned order", 1, count_poisoned(dead))
    books.must_be("manual review: of the poisoned order", 1, count_poisoned(review))


def count_poisoned(events):
    return [event.get("items") for event in events].count(POISON)
