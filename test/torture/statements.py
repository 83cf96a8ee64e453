# SPDX-License-Identifier: PostgreSQL
"""The statements of the load, which come from the dice of a session."""

LARGE = 10_000  # rows of a large transaction


class Statements:
    """Of one session: what it changes, next."""

    def __init__(self, database, number, dice, dooms):
        """`dooms`: what may be in the way of a message; see doomed.sql."""
        self._database = database
        self._number = number
        self._dice = dice
        self._dooms = dooms
        self._texts = 0
        self._tables = 0

    @property
    def _name(self):
        return f"{self._database} {self._number}"

    @property
    def _own(self):
        return f"tb_own_{self._number}"

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
        return f"NOTIFY torture_told, {text}; SELECT write_told({text})"

    def _seen(self):
        """A row that nobody takes away: who is told of it reads it (see seen_reader.py)."""
        return f"INSERT INTO tb_seen (note) VALUES ({quoted(self._text())})"

    def _kept(self):
        """One of a few keys, each with a subject of its own."""
        key = self._dice.randint(1, 30)
        if self._dice.random() < 0.1:
            return f"DELETE FROM tb_kept WHERE id = {key}"
        return (
            f"INSERT INTO tb_kept VALUES ({key}, {quoted(self._text())})"
            " ON CONFLICT (id) DO UPDATE SET note = excluded.note"
        )

    def _doomed(self):
        """A message that the stream cannot take."""
        return f"SELECT doom('{self._dice.choice(self._dooms)}', {quoted(self._text())})"

    def _unseen(self):
        return "INSERT INTO tb_unseen SELECT generate_series(1, 10)"

    def _any(self):
        return self._dice.choices(list(STATEMENTS), STATEMENTS.values())[0](self)

    def _several(self):
        return [self._any() for _ in range(self._dice.randint(2, 6))]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


# How often each is chosen.
STATEMENTS = {
    Statements._insert: 8,
    Statements._update: 5,
    Statements._delete: 3,
    Statements._update_of_others: 1,
    Statements._copy: 2,
    Statements._full_row: 4,
    Statements._event_row: 2,
    Statements._publish: 3,
    Statements._notify: 3,
    Statements._seen: 3,
    Statements._kept: 4,
    Statements._doomed: 0.3,
    Statements._unseen: 1,
}
