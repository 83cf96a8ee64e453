# SPDX-License-Identifier: PostgreSQL
"""Sessions that write orders, and remember what they were told had committed."""

import threading
import time

import psycopg2

CLIENT = "host=pg-1,pg-2 user=shop dbname=shop password=change-me target_session_attrs=read-write connect_timeout=3"
COUNTERS = 4
PAUSE_S = 0.02

# An order is one message.  Sessions take turns at the counters, whose numbers are the order of their commits;
# the last one is for write_now().
SCHEMA = f"""
CREATE TABLE counter (id int PRIMARY KEY, version int NOT NULL DEFAULT 0);
INSERT INTO counter SELECT generate_series(0, {COUNTERS});
CREATE TABLE tb_order (
    session int, n int, counter int NOT NULL, version int NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (session, n));
CREATE TABLE ledger (session int, n int, counter int, version int, xid text DEFAULT pg_current_xact_id()::xid);
GRANT SELECT, INSERT, UPDATE ON counter, tb_order, ledger TO shop;
SELECT fraiseql_nats.observe('tb_order');
"""
WRITE = """
WITH turn AS (UPDATE counter SET version = version + 1 WHERE id = %(counter)s RETURNING version),
     sale AS (INSERT INTO tb_order (session, n, counter, version)
              SELECT %(session)s, %(n)s, %(counter)s, version FROM turn)
INSERT INTO ledger (session, n, counter, version) SELECT %(session)s, %(n)s, %(counter)s, version FROM turn
"""


def write_now():
    """Commits an order at once, whether there is a standby or not, while all sessions wait for it."""
    with psycopg2.connect(CLIENT) as connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = local")
        cursor.execute("SELECT count(*) + 1 FROM ledger WHERE session = 0")
        cursor.execute(WRITE, {"session": 0, "n": cursor.fetchone()[0], "counter": COUNTERS})


class Session(threading.Thread):
    """`told`: the numbers whose COMMIT was confirmed."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.told, self.running, self.cut_off = number, [], True, 0
        self._connection = None

    def run(self):
        n = 0
        while self.running:
            time.sleep(PAUSE_S)
            try:
                if self._connection is None:
                    self._connection = psycopg2.connect(CLIENT)
                    n = self._last()
                self._write(n + 1)
                n += 1
                self.told.append(n)
            except psycopg2.Error:
                self.cut_off += 1
                self._connection = None  # whether it has committed, the next connection shows
        if self._connection:
            self._connection.close()

    def _last(self):
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(n), 0) FROM ledger WHERE session = %s", (self.number,))
            return cursor.fetchone()[0]

    def _write(self, n):
        with self._connection, self._connection.cursor() as cursor:
            counter = (self.number + n) % COUNTERS
            cursor.execute(WRITE, {"session": self.number, "n": n, "counter": counter})


class Load:
    def __init__(self, sessions):
        self.sessions = [Session(number) for number in range(1, sessions + 1)]

    def start(self):
        for session in self.sessions:
            session.start()

    def stop(self):
        for session in self.sessions:
            session.running = False
        for session in self.sessions:
            session.join(timeout=60)

    @property
    def told(self):
        return [(session.number, n) for session in self.sessions for n in session.told]
