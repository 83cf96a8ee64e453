# SPDX-License-Identifier: PostgreSQL
"""The transactions of the load: each kind is a method that returns a list of them."""

from statements import LARGE, Statements, quoted


class Transactions(Statements):
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


# How often each is chosen.
KINDS = {
    Transactions.single: 40,
    Transactions.several: 20,
    Transactions.savepoints: 12,
    Transactions.rolled_back: 8,
    Transactions.failed: 3,
    Transactions.large: 0.05,
    Transactions.long_lasting: 1,
    Transactions.prepared: 3,
    Transactions.topic: 4,
    Transactions.maintenance: 1,
    Transactions.columns_changed: 3,
    Transactions.table_made: 2,
    Transactions.partition_made: 2,
    Transactions.observer_replaced: 2,
    Transactions.truncated: 2,
}
