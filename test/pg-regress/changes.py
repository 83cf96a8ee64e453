# SPDX-License-Identifier: PostgreSQL
"""Compares the stream with what the witness has seen: each change, its place, and its values."""

import json
import pickle
from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from comparison import describe, parse_position, row_of
from postgres import number

EXAMPLES = 5  # of each kind, are shown


def to_values(text):
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


class Message(NamedTuple):
    headers: dict
    payload: bytes


async def save_stream(client, stream, path):
    """The server waits for nobody who thinks about each message."""
    with open(path, "wb") as file:
        async for message in client.read_stream(stream):
            pickle.dump((message.headers, message.payload), file)


def saved_messages(path):
    with open(path, "rb") as file:
        while file.peek(1):
            yield Message(*pickle.load(file))


class Changes:
    def __init__(self, dead_letters):
        """`dead_letters`: (position, reason) of each."""
        self.counts = Counter()
        self.examples = []
        self._dead = {}  # commit LSN -> {ordinal: count}
        for position, _ in dead_letters:
            lsn, ordinal, _ = parse_position(position)
            self._dead.setdefault(lsn, Counter())[ordinal] += 1
        self._last = (0, 0, 0)
        self._seen = set()

    def _note(self, what, text):
        self.counts[what] += 1
        if self.counts[what] <= EXAMPLES:
            self.examples.append(f"{what}: {text}")

    def compare(self, messages, record):
        """`messages`: an iterator over those of the stream, in its order; `record`: the witness's."""
        message = next(messages, None)
        for lsn_text, xid, expected in record:
            lsn, found = number(lsn_text), []
            while message is not None and parse_position(message.headers["Fraiseql-Position"])[0] <= lsn:
                position = self._check_order(message)
                if position[0] == lsn:
                    found.append((position, message))
                else:
                    self._note("unexpected", f"{describe(position)}: no such transaction")
                message = next(messages, None)
            self._compare_transaction(lsn, xid, found, expected)
        while message is not None:
            position = self._check_order(message)
            self._note("unexpected", f"{describe(position)}: no such transaction")
            message = next(messages, None)

    def _check_order(self, message):
        self.counts["messages"] += 1
        position = parse_position(message.headers["Fraiseql-Position"])
        if position in self._seen:
            self._note("twice", describe(position))
        elif position < self._last:
            self._note("out of order", f"{describe(position)} behind {describe(self._last)}")
        self._seen.add(position)
        self._last = max(self._last, position)
        return position

    def _compare_transaction(self, lsn, xid, found, expected):
        groups = {}
        for position, message in found:
            groups.setdefault(position[1], []).append(message)
        dead = self._dead.pop(lsn, {})
        for ordinal in dead:
            groups.setdefault(ordinal, [])
        self.counts["expected"] += sum(change.routes for change in expected)
        if len(groups) != len(expected):
            have = [(m.headers["Fraiseql-Table"]) for g in groups.values() for m in g][:3]
            text = f"transaction {xid} at {describe((lsn, 0, 0))}: {len(groups)} changes instead of {len(expected)}"
            text += f"; published {have}, expected {[(c.operation, c.table) for c in expected[:3]]}"
            missing = len(expected) - len(groups)
            self._note("lost" if missing > 0 else "unexpected", text)
            return
        for (ordinal, group), change in zip(sorted(groups.items()), expected):
            where = f"{describe((lsn, ordinal, 0))}, {change.operation} of {change.table}"
            routes = len(group) + dead.get(ordinal, 0)
            if routes < change.routes:
                self._note("lost", f"{where}: {routes} messages instead of {change.routes}")
            elif routes > change.routes:
                self._note("twice", f"{where}: {routes} messages instead of {change.routes}")
            if ordinal in dead:
                self._check_dead(where, change)
            for message in group:
                self._compare_message(where, message, change)

    def _check_dead(self, where, change):
        """Only what is no UTF-8 may be one."""
        try:
            (change.row or b"").decode()
        except ValueError:
            return
        self._note("wrong", f"{where}: is a dead letter, of a row that could be published")

    def _compare_message(self, where, message, change):
        table = message.headers["Fraiseql-Table"]
        try:
            payload = json.loads(message.payload.decode())
        except ValueError as error:
            self._note("wrong", f"{where}: {error}: {message.payload[:300]}")
            return
        if payload["event"] != change.operation or table != change.table:
            self._note("out of order", f"{where}: the message is {payload['event']} of {table}")
        elif change.row is None:
            self.counts["truncates"] += 1
        else:
            self.counts["compared"] += 1
            if row_of(message.payload) != change.row:
                self._compare_values(where, message, change)

    def _compare_values(self, where, message, change):
        """The texts are not the same, but 1e3 is 1000."""
        document = to_values(message.payload)
        data, row = document["data"], to_values(change.row)
        unlogged = set(change.unlogged)
        if change.operation == "DELETE":  # null: is null, or was not logged
            data = {name: value for name, value in (data or {}).items() if value is not None}
        else:
            missing = set(document.get("unchanged", []))
            if not missing <= unlogged:
                self._note("wrong", f"{where}: left out {missing - unlogged}")
            # What the old row has, it may add.
            data = {name: value for name, value in data.items() if name in row or name not in unlogged}
        if data != row:
            self._note("wrong", f"{where}: {message.payload[:500]} instead of {change.row[:500]}")
        else:
            self.counts["equal, written otherwise"] += 1
