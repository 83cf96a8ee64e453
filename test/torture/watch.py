# SPDX-License-Identifier: PostgreSQL
"""Who looks at status() while everything else goes on."""

import time

from looker import Looker
from postgres import number


class Watch(Looker):
    """Looks at status() of a stream of a database, again and again."""

    def __init__(self, server, database, stream):
        super().__init__(server, database)
        self._stream = stream
        self.order_breaks = 0  # counted by all workers there were
        self._last_breaks = 0
        self._waiting = []  # what has a target: [target, since, callback]
        self.status = {}

    async def look_once(self):
        session = await self._server.connect(self._database)
        await self._look(session)
        session.close()

    async def _look(self, session):
        names = ("confirmed_lsn", "in_flight", "order_breaks", "state", "reason", "flushed_lsn", "slot")
        query = f"SELECT {', '.join(names)} FROM fraiseql_nats.status() WHERE stream = '{self._stream}'"
        for row in await session.execute(query):
            self._take(dict(zip(names, row)))

    def _take(self, status):
        self.status = status
        breaks = int(self.status["order_breaks"] or 0)
        self.order_breaks += breaks - self._last_breaks if breaks >= self._last_breaks else breaks
        self._last_breaks = breaks
        flushed = number(self.status["flushed_lsn"] or "0/0")
        confirmed = number(self.status["confirmed_lsn"] or "0/0")
        for waiting in self._waiting[:]:
            waiting[0] = waiting[0] or flushed
            if waiting[0] and confirmed >= waiting[0]:
                self._waiting.remove(waiting)
                waiting[2](time.monotonic() - waiting[1])

    def when_caught_up(self, callback):
        """Calls back, with the seconds it took, when all that was committed by now is confirmed."""
        self._waiting.append([0, time.monotonic(), callback])
