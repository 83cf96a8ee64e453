# SPDX-License-Identifier: PostgreSQL
"""Who else writes into the stream."""

import asyncio
from contextlib import asynccontextmanager

from nats_client import NatsError


class Neighbour:
    """Services that write into the same stream, and another server that publishes into it."""

    def __init__(self, broker):
        self._broker = broker
        self._free = asyncio.Lock()
        self.stored = set()  # acknowledged, in the present stream
        self.running = True

    async def run(self, dice):
        client, number = None, 0
        while self.running:
            # At times there is nobody.
            await asyncio.sleep(dice.uniform(1, 5) if dice.random() < 0.01 else 0.02)
            async with self._free:
                number += 1
                try:
                    client = client or await self._broker.connect()
                    await client.store(*self._message(number))
                    self.stored.add(number)
                except (NatsError, OSError, asyncio.IncompleteReadError):
                    if client:
                        client.close()
                    client = None
        if client:
            client.close()

    @staticmethod
    def _message(number):
        headers = {"Nats-Msg-Id": f"neighbour.{number}", "Neighbour": number}
        if number % 10 == 0:  # far ahead of us, but of another system
            headers["Nats-Msg-Id"] = f"1.5.FFFFFFFF{number:08X}.1"
            headers["Fraiseql-Position"] = f"FFFFFFFF/{number:X}:1"
            headers["Fraiseql-Xid"] = "1"
            return "fraiseql.mutation.Item.INSERT", b"{}", headers
        return "fraiseql.order.confirmed", b'{"order_id":1}', headers

    @asynccontextmanager
    async def silent(self):
        async with self._free:
            yield
