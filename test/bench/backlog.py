# SPDX-License-Identifier: PostgreSQL
"""Changes that wait in the log, and how fast they come out of it.

One backlog is drained many times, by different programs: a logical slot that marks its beginning is
kept, and each of them gets a copy of that slot.
"""

from dataclasses import dataclass

from processes import cpu_seconds, wait_until
from stream import StreamSet

SCHEMA = """
CREATE EXTENSION fraiseql_nats;
CREATE TABLE tb_item (
    id bigint PRIMARY KEY, customer uuid NOT NULL, status text NOT NULL, total numeric(12,2),
    urgent boolean, created_at timestamptz, note text);
CREATE PROCEDURE fill(count int, rows_each int, note text) LANGUAGE plpgsql AS $$
BEGIN
    SET synchronous_commit = off;
    FOR i IN 0 .. count / rows_each - 1 LOOP
        INSERT INTO tb_item
        SELECT i * rows_each + n, '550e8400-e29b-41d4-a716-446655440000', 'pending',
               (i % 100000) / 100.0, true, clock_timestamp(), note
        FROM generate_series(1, rows_each) n;
        COMMIT;
    END LOOP;
END $$;
CREATE PROCEDURE fill_tables(tables int, count int) LANGUAGE plpgsql AS $$
BEGIN
    SET synchronous_commit = off;
    FOR i IN 1 .. count LOOP
        EXECUTE format('INSERT INTO tb_item_%s SELECT t.* FROM tb_item t', i % tables);
        COMMIT;
    END LOOP;
END $$;
"""
ROW_REST = 72  # bytes of a row without its note, as the log holds it
START = "backlog"


def note_for(row_bytes):
    text = "A remark that came with the order, as people write it. "
    return (text * (row_bytes // len(text) + 1))[: row_bytes - ROW_REST]


def make_database(bench, name):
    """Returns the name."""
    bench.postgres.sql(f"CREATE DATABASE {name}")
    bench.postgres.sql(SCHEMA, name)
    return name


def drop_database(bench, name):
    """With the slots that would keep its log."""
    bench.postgres.stop_workers()
    bench.postgres.sql(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
        f" WHERE database = '{name}'"
    )
    bench.postgres.sql(f"DROP DATABASE {name}")


def observe(postgres, database, table):
    postgres.sql(f"SELECT fraiseql_nats.observe('{table}', '{{INSERT}}')", database)


class Backlog:
    """What `fill` writes into a database; gives copies of its beginning."""

    def __init__(self, postgres, database, count, fill):
        self.count = count
        self.database = database
        self._postgres = postgres
        # The plugin is named anew with each copy.
        self._sql(f"SELECT pg_create_logical_replication_slot('{self._start}', 'test_decoding')")
        self._sql(fill)
        # Flushes what was committed asynchronously.
        self._sql("SELECT pg_logical_emit_message(true, '', '')")
        self.end_lsn = self._sql("SELECT pg_current_wal_flush_lsn()")

    @property
    def _start(self):
        return f"{START}_{self.database}"

    def _sql(self, text):
        return self._postgres.sql(text, self.database)

    def copy(self, name, plugin):
        """Makes a slot of this name at the beginning, in place of one that is there."""
        self._drop(name)
        self._sql(
            f"SELECT pg_copy_logical_replication_slot('{self._start}', '{name}', false, '{plugin}')"
        )
        return name

    def copy_for_workers(self):
        """One of the default stream, and one of each further stream."""
        slots = self._sql(
            "SELECT format('fraiseql_nats_%s%s', d.oid, '_' || nullif(s.number, 0))"
            " FROM pg_database d, (SELECT 0 UNION SELECT number FROM fraiseql_nats.stream) s (number)"
            " WHERE datname = current_database()"
        )
        for slot in slots.split():
            self.copy(slot, "fraiseql_nats")

    def _drop(self, name):
        self._sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
            f" WHERE slot_name = '{name}'"
        )

    def forget(self):
        self._drop(self._start)


def rows_in_log(postgres, database, count, rows_each, row_bytes):
    """A backlog of `count` rows of one table, in transactions of `rows_each`."""
    postgres.sql("TRUNCATE tb_item", database)
    note = note_for(row_bytes)
    return Backlog(postgres, database, count, f"CALL fill({count}, {rows_each}, '{note}')")


@dataclass
class Drained:
    rate: float  # messages per second, from the first stored to the last
    worker_us: float  # processor time for each message
    broker_us: float
    memory_mb: float  # most of any worker


def drain(bench, backlogs, exclusive="off", streams=1, batches=False):
    """Has the workers publish the backlogs into empty streams, of which each database has so many."""
    postgres, stream = bench.postgres, StreamSet(bench.stream, streams)
    count = sum(backlog.count for backlog in backlogs)
    stream.make_anew(batches)
    for backlog in backlogs:
        backlog.copy_for_workers()
    if bench.can_be_exclusive:
        postgres.configure(fraiseql_nats__stream_exclusive=exclusive)
    if bench.can_batch:
        postgres.configure(fraiseql_nats__message_id_header="Fraiseql-Id" if batches else "Nats-Msg-Id")
    postgres.start_workers([backlog.database for backlog in backlogs])
    wait_until("the first message is stored", stream.count, pause=0.005)
    workers = postgres.workers()
    before = _processor_times(bench, stream, workers)
    wait_until(f"{count} messages are stored", lambda: stream.count() >= count, 900, 0.05)
    after = _processor_times(bench, stream, workers)
    memory_mb = postgres.memory_mb()
    postgres.stop_workers()
    if stream.count() != count:
        raise RuntimeError(f"the stream holds {stream.count()} messages instead of {count}")
    worker_us, broker_us = _per_message(before, after)
    rate = (count - 1) / stream.seconds()
    stream.delete_further()
    return Drained(rate, worker_us, broker_us, memory_mb)


def _processor_times(bench, stream, workers):
    return stream.count(), sum(map(cpu_seconds, workers)), bench.nats.cpu()


def _per_message(before, after):
    messages = max(1, after[0] - before[0])
    return [(b - a) / messages * 1e6 for a, b in zip(before[1:], after[1:])]

