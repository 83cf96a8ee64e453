# SPDX-License-Identifier: PostgreSQL
"""Sessions that change the database at random, and the ledger with it (see schema.sql).

What a session does comes from its dice alone, not from what the database answers.
"""

import asyncio
import random
from pathlib import Path

from postgres import ConnectionLost, SqlError
from transactions import KINDS, Transactions


async def create_schema(server, database, has_streams):
    session = await server.connect(database)
    await session.execute("CREATE EXTENSION fraiseql_nats")
    while await session.value("SELECT state FROM fraiseql_nats.status()") != "streaming":
        await asyncio.sleep(0.05)
    for file in ("schema.sql", "doomed.sql", *["streams.sql"] * has_streams):
        await session.execute((Path(__file__).parent / file).read_text())
    await session.execute("CREATE VIEW unready AS SELECT FROM fraiseql_nats.status() WHERE state <> 'streaming'")
    while await session.execute("SELECT FROM unready"):
        await asyncio.sleep(0.05)
    session.close()


class Client(Transactions):
    """One session: random transactions until it is told to stop."""

    def __init__(self, server, database, number, seed, counts, pause, dooms):
        super().__init__(database, number, random.Random(f"{seed}/{database}/{number}"), dooms)
        self._server = server
        self._counts = counts
        self._pause = pause
        self._session = None
        self.running = True

    async def run(self):
        await self._prepare()
        while self.running:
            await asyncio.sleep(self._dice.expovariate(1 / self._pause))
            kind = self._dice.choices(list(KINDS), KINDS.values())[0]
            for transaction in kind(self):
                await self._perform(kind.__name__.replace("_", " "), transaction)
        if self._session:
            self._session.close()

    async def _prepare(self):
        session = await self._server.connect(self._database)
        await session.execute(f"CREATE TABLE {self._own} (LIKE tb_item INCLUDING ALL)")
        await session.execute(f"CALL watch('{self._own}', 'Own')")
        self._session = session

    async def _perform(self, kind, transaction):
        """Runs the statements of a transaction; counts what became of it."""
        while self._session is None:
            if not self.running:
                return
            try:
                self._session = await self._server.connect(self._database)
                await finish_prepared(self._session, f"{self._name} ")
            except ConnectionLost:
                self._session = None
                await asyncio.sleep(0.05)
        try:
            for statement in transaction:
                if isinstance(statement, tuple):
                    await self._session.execute(*statement)
                else:
                    await self._session.execute(statement)
            self._counts[kind, "rolled back" if transaction[-1] == "ROLLBACK" else "committed"] += 1
        except SqlError as error:
            self._counts[kind, "failed"] += 1
            if error.code not in EXPECTED_ERRORS:
                self._counts["unexpected", str(error)] += 1
            try:
                await self._session.roll_back()
            except ConnectionLost:
                self._session = None
        except ConnectionLost:
            self._counts[kind, "cut off"] += 1
            self._session = None


async def finish_prepared(session, prefix):
    """Commits what was prepared before the session was cut off."""
    rows = await session.execute(
        "SELECT gid FROM pg_prepared_xacts"
        f" WHERE database = current_database() AND starts_with(gid, '{prefix}')"
    )
    for [name] in rows:
        await session.execute(f"COMMIT PREPARED '{name}'")


# Division by zero (wanted), deadlocks, and what follows from a transaction that was cut off: a table
# or prepared transaction that is not there, or a table that already is.
EXPECTED_ERRORS = {"22012", "40P01", "40001", "42P01", "42P07", "42704", "42710", "3B001", "25P02"}
