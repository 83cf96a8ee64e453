# SPDX-License-Identifier: PostgreSQL
"""Sessions that change the database at random, and the ledger with it (see schema.sql).

What a session does comes from its dice alone, not from what the database answers.
"""

import asyncio
import random
from collections import Counter
from pathlib import Path

from postgres import ConnectionLost, SqlError

LARGE = 10_000  # rows of a large transaction


async def create_schema(server, database):
    session = await server.connect(database)
    await session.execute("CREATE EXTENSION fraiseql_nats")
    while await session.value("SELECT state FROM fraiseql_nats.status()") != "streaming":
        await asyncio.sleep(0.05)
    await session.execute((Path(__file__).parent / "schema.sql").read_text())
    session.close()


class Client:
    """One session: random transactions until it is told to stop."""

    def __init__(self, server, database, number, seed, counts, pause):
        self._server = server
        self._database = database
        self._number = number
        self._dice = random.Random(f"{seed}/{database}/{number}")
        self._counts = counts
        self._pause = pause
        self._texts = 0
        self._tables = 0
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

    @property
    def _name(self):
        return f"{self._database} {self._number}"

    @property
    def _own(self):
        return f"tb_own_{self._number}"

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

    # --- Statements ----------------------------------------------------------------------------

    def _text(self):
        """A text that nobody else writes, now and then with characters that need care."""
        self._texts += 1
        odd = self._dice.choice(["", "", "", ' "quoted"', " back\\slash", " ünïcödé €", " a\tb"])
        return f"{self._name} {self._texts}{odd}"

    def _insert(self, rows=None, table="tb_item"):
        rows = rows or self._dice.choice([1, 1, 1, 2, 5, 20])
        return (
            f"INSERT INTO {table} (session, n, note) SELECT {self._number}, g, {quoted(self._text())}"
            f" FROM generate_series(1, {rows}) g"
        )

    def _some(self, table="tb_item", most=5):
        """A condition for some rows of this session."""
        end = self._dice.choice(["ASC", "DESC"])
        return (
            f"id IN (SELECT id FROM {table} WHERE session = {self._number}"
            f" ORDER BY id {end} LIMIT {self._dice.randint(1, most)})"
        )

    def _update(self):
        return f"UPDATE tb_item SET n = n + {self._dice.randint(1, 9)} WHERE {self._some()}"

    def _delete(self):
        return f"DELETE FROM tb_item WHERE {self._some()}"

    def _update_of_others(self):
        session = self._dice.randint(1, 4)
        return (
            f"UPDATE tb_item SET note = {quoted(self._text())} WHERE id ="
            f" (SELECT max(id) FROM tb_item WHERE session = {session})"
        )

    def _copy(self):
        rows = self._dice.choice([1, 10, 100, 500])
        text = self._text().replace("\\", "\\\\").replace("\t", "\\t")
        data = "".join(f"{self._number}\t{n}\t{text}\n" for n in range(rows))
        return ("COPY tb_item (session, n, note) FROM STDIN", data.encode())

    def _full_row(self):
        return self._dice.choice(
            [
                "INSERT INTO tb_full (session, amount, tags, info, big) VALUES"
                f" ({self._number}, {self._dice.randint(0, 10**6)}.{self._dice.randint(0, 99):02},"
                f" ARRAY['a', {quoted(self._text())}], '{{\"n\": {self._dice.random()}}}',"
                f" repeat({quoted(self._text())}, {self._dice.choice([1, 10, 300])}))",
                f"UPDATE tb_full SET amount = amount + 1 WHERE {self._some('tb_full')}",
                f"DELETE FROM tb_full WHERE {self._some('tb_full', 2)}",
            ]
        )

    def _event_row(self):
        return (
            f"INSERT INTO tb_event (part, n) SELECT {self._dice.randint(1, 50)}, g"
            f" FROM generate_series(1, {self._dice.randint(1, 5)}) g"
        )

    def _publish(self):
        text = quoted(self._text())
        own_id = f", 'own {self._name} {self._texts}'" if self._dice.random() < 0.3 else ""
        return f"SELECT say({text}{own_id})"

    def _notify(self):
        text = quoted(self._text())
        if self._dice.random() < 0.5:
            return f"SELECT tell({text})"
        return (
            f"NOTIFY torture_told, {text};"
            f"INSERT INTO ledger (subject, data) VALUES ('fraiseql.torture.told', {text})"
        )

    def _unseen(self):
        return "INSERT INTO tb_unseen SELECT generate_series(1, 10)"

    def _any(self):
        return self._dice.choices(list(STATEMENTS), STATEMENTS.values())[0](self)

    def _several(self):
        return [self._any() for _ in range(self._dice.randint(2, 6))]

    # --- Kinds of transactions: lists of them ----------------------------------------------------

    def single(self):
        return [[self._any()]]

    def several(self):
        return [["BEGIN", *self._several(), "COMMIT"]]

    def savepoints(self):
        """Nested, some undone; the statements behind the last one stay."""
        statements, open_ones = ["BEGIN", self._any()], []
        for number in range(self._dice.randint(1, 5)):
            name = f"s{number}"
            statements += [f"SAVEPOINT {name}", *self._several()[:3]]
            open_ones.append(name)
            way = self._dice.random()
            if way < 0.5:
                victim = self._dice.choice(open_ones)
                statements.append(f"ROLLBACK TO {victim}")
                del open_ones[open_ones.index(victim) + 1 :]
            elif way < 0.75:
                statements.append(f"RELEASE {open_ones.pop()}")
        return [[*statements, self._any(), "COMMIT"]]

    def rolled_back(self):
        return [["BEGIN", *self._several(), "ROLLBACK"]]

    def failed(self):
        return [["BEGIN", *self._several(), "SELECT 1 / 0", "COMMIT"]]

    def large(self):
        change = f"UPDATE tb_item SET n = -n WHERE {self._some(most=2000)}"
        return [["BEGIN", self._insert(LARGE), change, self._publish(), "COMMIT"]]

    def long_lasting(self):
        """Others commit meanwhile, and faults come."""
        pause = f"SELECT pg_sleep({self._dice.uniform(0.2, 2)})"
        return [["BEGIN", *self._several(), pause, *self._several(), "COMMIT"]]

    def prepared(self):
        """In two phases; one that is cut off in between is committed later."""
        statements = [s for s in self._several() if "torture_told" not in s and "tell" not in s]
        self._texts += 1
        name = f"'{self._name} {self._texts}'"
        end = self._dice.choice(["COMMIT PREPARED", "COMMIT PREPARED", "ROLLBACK PREPARED"])
        return [
            ["BEGIN", self._insert(), *statements, f"PREPARE TRANSACTION {name}"],
            [f"{end} {name}"],
        ]

    def topic(self):
        notified = self._dice.choice(["true", "false"])
        places = [f"SELECT place({quoted(self._text())}, {notified})" for _ in range(3)]
        undone = ["SAVEPOINT s", f"SELECT place({quoted(self._text())}, true)", "ROLLBACK TO s"]
        statements = places[: self._dice.randint(1, 3)]
        if self._dice.random() < 0.3:
            statements += undone
        return [["BEGIN", self._any(), *statements, self._any(), "COMMIT"]]

    def maintenance(self):
        """What moves tables about and publishes nothing."""
        table = self._dice.choice([self._own, "tb_item", "tb_full", "tb_placed"])
        return [
            [
                self._dice.choice(
                    [
                        "CHECKPOINT",
                        f"VACUUM {table}",
                        f"VACUUM FULL {table}",
                        f"VACUUM FULL {self._dice.choice(['pg_class', 'pg_attribute'])}",
                        f"REINDEX TABLE {table}",
                        f"ANALYZE {table}",
                    ]
                )
            ]
        ]

    def columns_changed(self):
        name = f"c{self._dice.randint(1, 3)}"
        change = self._dice.choice(
            [
                f"ADD COLUMN IF NOT EXISTS {name} int DEFAULT {self._dice.randint(1, 9)}",
                f"DROP COLUMN IF EXISTS {name}",
                f"ALTER COLUMN n TYPE {self._dice.choice(['int', 'bigint'])}",
            ]
        )
        inserts = [self._insert(table=self._own) for _ in range(2)]
        return [["BEGIN", inserts[0], f"ALTER TABLE {self._own} {change}", inserts[1], "COMMIT"]]

    def table_made(self):
        """A table and its observer; changes; in the end it is dropped."""
        self._tables += 1
        table = f"tb_new_{self._number}_{self._tables}"
        make = f"CREATE TABLE {table} (LIKE tb_item INCLUDING ALL)"
        end = self._dice.choice(["COMMIT", "COMMIT", "ROLLBACK"])
        return [
            ["BEGIN", make, self._insert(table=table), f"CALL watch('{table}', 'New')", end],
            [self._insert(table=table)],
            ["BEGIN", self._insert(), self._insert(table=table), f"TRUNCATE {table}", "COMMIT"],
            ["BEGIN", self._insert(table=table), f"DROP TABLE {table}", self._insert(), "COMMIT"],
        ]

    def partition_made(self):
        self._tables += 1
        part = 1000 * self._number + self._tables
        table = f"tb_event_{part}"
        insert = f"INSERT INTO tb_event (part, n) SELECT {part}, g FROM generate_series(1, 3) g"
        direct = insert.replace("tb_event", table)
        make = f"CREATE TABLE {table} PARTITION OF tb_event FOR VALUES IN ({part})"
        end = self._dice.choice([f"DROP TABLE {table}", f"ALTER TABLE tb_event DETACH PARTITION {table}"])
        return [["BEGIN", make, insert, "COMMIT"], [direct], ["BEGIN", insert, end, "COMMIT"]]

    def observer_replaced(self):
        """What is written between the two is in neither the ledger nor the stream."""
        insert = self._insert(table=self._own)
        return [
            ["BEGIN", insert, f"CALL unwatch('{self._own}')", "COMMIT"],
            [insert],
            ["BEGIN", f"CALL unwatch('{self._own}')", f"CALL watch('{self._own}', 'Own')", "COMMIT"],
            [insert],
        ]

    def truncated(self):
        insert = self._insert(table=self._own)
        return [["BEGIN", insert, f"TRUNCATE {self._own}", insert, "COMMIT"]]


async def finish_prepared(session, prefix):
    """Commits what was prepared before the session was cut off."""
    rows = await session.execute(
        "SELECT gid FROM pg_prepared_xacts"
        f" WHERE database = current_database() AND starts_with(gid, '{prefix}')"
    )
    for [name] in rows:
        await session.execute(f"COMMIT PREPARED '{name}'")


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


# How often each is chosen.
STATEMENTS = {
    Client._insert: 8,
    Client._update: 5,
    Client._delete: 3,
    Client._update_of_others: 1,
    Client._copy: 2,
    Client._full_row: 4,
    Client._event_row: 2,
    Client._publish: 3,
    Client._notify: 3,
    Client._unseen: 1,
}
KINDS = {
    Client.single: 40,
    Client.several: 20,
    Client.savepoints: 12,
    Client.rolled_back: 8,
    Client.failed: 3,
    Client.large: 0.05,
    Client.long_lasting: 1,
    Client.prepared: 3,
    Client.topic: 4,
    Client.maintenance: 1,
    Client.columns_changed: 3,
    Client.table_made: 2,
    Client.partition_made: 2,
    Client.observer_replaced: 2,
    Client.truncated: 2,
}

# Division by zero (wanted), deadlocks, and what follows from a transaction that was cut off: a table
# or prepared transaction that is not there, or a table that already is.
EXPECTED_ERRORS = {"22012", "40P01", "40001", "42P01", "42P07", "42704", "42710", "3B001", "25P02"}
