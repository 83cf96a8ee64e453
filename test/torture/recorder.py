# SPDX-License-Identifier: PostgreSQL
"""A consumer that reads the stream all the time, and keeps what it has been given."""

import asyncio
import json

from comparison import to_record
from nats_client import NatsError

BATCH = 500
EXPIRES = 1  # seconds that a request waits for a message


class Recorder:
    """`records`: what was stored, by sequence, as far as it was still there to be read; `taken_back`:
    what the broker has stored and lost again: its own, since it has acknowledged it.

    `alone`: there is one server, whose word on the stream's end can be believed.  A new leader of
    several may be behind."""

    def __init__(self, broker, stream, alone):
        self._alone = alone
        self._broker = broker
        self._stream = stream
        self.records = {}
        self.taken_back = []
        self.last = 0  # the highest sequence there was
        self.running = True

    async def run(self):
        while self.running:
            try:
                client = await self._broker.connect()
            except NatsError:
                await asyncio.sleep(0.05)
                continue
            try:
                await self._read(client)
            except (NatsError, OSError, asyncio.IncompleteReadError, TimeoutError):
                await asyncio.sleep(0.05)
            finally:
                client.close()

    async def _read(self, client):
        last = (await client.stream_info(self._stream))["state"]["last_seq"]
        if self._alone and last < self.last:
            self._forget_behind(last)
        config = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self.last + 1,
            "ack_policy": "none",
            "replay_policy": "instant",
            "inactive_threshold": int(10e9),
        }
        made = await client.api(
            f"CONSUMER.CREATE.{self._stream}", stream_name=self._stream, config=config
        )
        request = json.dumps({"batch": BATCH, "expires": int(EXPIRES * 1e9)}).encode()
        while self.running:
            async for message in client.pull(self._stream, made["name"], request, BATCH, EXPIRES + 3):
                self.take(message)

    def take(self, message):
        record = to_record(message)
        known = self.records.get(message.sequence)
        if known and known != record:
            self._forget_behind(message.sequence - 1)
        self.records[message.sequence] = record
        self.last = max(self.last, message.sequence)

    def compare(self, held):
        """`held`: what there is in the end, where nothing is let go of."""
        held = {record.sequence: record for record in held}
        gone = [record for record in self.records.values() if held.get(record.sequence) != record]
        self.taken_back += gone
        for record in gone:
            del self.records[record.sequence]

    def _forget_behind(self, last):
        """The stream ends there: the broker has lost what was behind."""
        gone = [sequence for sequence in self.records if sequence > last]
        self.taken_back += [self.records.pop(sequence) for sequence in sorted(gone)]
        self.last = last
