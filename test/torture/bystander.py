# SPDX-License-Identifier: PostgreSQL
"""Who looks whether any session waits for one of our processes."""

import time

from looker import Looker

CLAIM = "no session waits for one of our processes"
TOO_LONG = 1.0  # seconds
# One of ours that waits itself is no reason, but whoever it waits for.
QUERY = """
SELECT a.pid, b.pid, b.backend_type, left(a.query, 80)
FROM pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) AS blocker (pid), pg_stat_activity b
WHERE a.wait_event_type = 'Lock' AND a.backend_type = 'client backend' AND b.pid = blocker.pid
  AND b.backend_type LIKE 'fraiseql_nats%' AND cardinality(pg_blocking_pids(b.pid)) = 0
"""


class Bystander(Looker):
    def __init__(self, server):
        super().__init__(server, "postgres")
        self._since = {}  # (who waits, for whom) -> since when
        self.seen = []  # sentences
        self.looks = 0

    async def _look(self, session):
        self._note(await session.execute(QUERY), time.monotonic())

    def _lose(self):
        self._since.clear()

    def _note(self, rows, now):
        self.looks += 1
        waiting = {(row[0], row[1]): row for row in rows}
        self._since = {pair: self._since.get(pair, now) for pair in waiting}
        for pair, since in self._since.items():
            if now - since > TOO_LONG:
                _, _, whom, query = waiting[pair]
                self.seen.append(f"{query!r} has waited for a {whom} for {now - since:.1f} s")
                self._since[pair] = now
