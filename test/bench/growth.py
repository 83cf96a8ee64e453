# SPDX-License-Identifier: PostgreSQL
"""Whether more of anything makes it slower or larger: backlog, observers, tables, databases.

What more of it costs the broker alone, the bare publisher shows: with as many messages, subjects
and connections.
"""

from statistics import median

from backlog import Backlog, drain, drop_database, make_database, note_for, observe, rows_in_log
from bare import publish_bare
from results import medians

ROW_BYTES = 400
DRAIN, BARE, SHARE = "drain", "bare publisher", "drain / bare publisher"
MEMORY = "worker memory"
ENOUGH = 200_000  # messages; fewer are over so soon that they are measured several times a round
MOST_REPEATS = 5
ROWS_EACH = 10  # in a transaction: five million commits would take longer than all the rest


class Point:
    """So much of what grows, in databases of its own."""

    def __init__(self, case, backlogs, subjects=1):
        self.case = case
        self.backlogs = backlogs
        self.subjects = subjects
        self.rounds = []  # what was measured, by its name

    def measure(self, bench):
        count = sum(backlog.count for backlog in self.backlogs)
        repeats = min(MOST_REPEATS, max(1, ENOUGH // count))
        self.rounds.append(medians([self._measure_once(bench, count) for _ in range(repeats)]))

    def _measure_once(self, bench, count):
        drained = drain(bench, self.backlogs)
        bare = publish_bare(bench, count, len(self.backlogs), self.subjects)
        return {
            DRAIN: drained.rate,
            BARE: bare.rate,
            SHARE: drained.rate / bare.rate,
            MEMORY: drained.memory_mb,
        }


def run_section(bench):
    for make in (make_backlogs, make_observers, make_tables, make_databases):
        points = list(make(bench))
        measure(bench, points)
        report(bench, points)
        for point in points:
            for backlog in point.backlogs:
                drop_database(bench, backlog.database)


def measure(bench, points):
    for number in range(bench.level.rounds):
        for point in points:
            bench.say(f"{point.case}: round {number + 1} of {bench.level.rounds}")
            point.measure(bench)


def report(bench, points):
    first = points[0].rounds
    for point in points:
        for measure, unit in ((DRAIN, "messages/s"), (BARE, "messages/s"), (SHARE, "")):
            value = median(one[measure] for one in point.rounds)
            compared = (None, "")
            if point is not points[0]:
                pairs = zip(point.rounds, first)
                compared = median(a[measure] / b[measure] for a, b in pairs), points[0].case
            bench.results.add("growth", point.case, measure, value, unit, *compared)
        memory = max(one[MEMORY] for one in point.rounds)
        bench.results.add("growth", point.case, MEMORY, memory, "MB")


def make_backlogs(bench):
    for count in bench.level.backlogs:
        bench.say(f"{count:,} messages: writing")
        database = make_database(bench, f"backlog_{count}")
        observe(bench.postgres, database, "tb_item")
        backlog = rows_in_log(bench.postgres, database, count, ROWS_EACH, ROW_BYTES)
        yield Point(f"backlog of {count:,} messages", [backlog])


def make_observers(bench):
    """Tables that nothing happens to are observed besides the one that is filled."""
    for count in bench.level.observers:
        database = make_database(bench, f"observers_{count}")
        observe(bench.postgres, database, "tb_item")
        make_observed_tables(bench, database, count - 1)
        messages = bench.level.growth_messages
        backlog = rows_in_log(bench.postgres, database, messages, ROWS_EACH, ROW_BYTES)
        yield Point(f"{count:,} observers", [backlog])


def make_tables(bench):
    """All of them are filled in turn."""
    for count in bench.level.tables:
        database = make_database(bench, f"tables_{count}")
        make_observed_tables(bench, database, count)
        messages = bench.level.growth_messages
        fill = f"CALL fill_tables({count}, {messages})"
        backlog = Backlog(bench.postgres, database, messages, fill)
        yield Point(f"{count:,} tables", [backlog], subjects=count)


def make_databases(bench):
    """All of them have a backlog of the same size."""
    for count in bench.level.databases:
        backlogs = []
        for index in range(count):
            database = make_database(bench, f"databases_{count}_{index}")
            observe(bench.postgres, database, "tb_item")
            messages = bench.level.growth_messages
            backlogs.append(rows_in_log(bench.postgres, database, messages, ROWS_EACH, ROW_BYTES))
        yield Point(f"{count:,} databases", backlogs)


def make_observed_tables(bench, database, count):
    """tb_item_0 and so on; tb_item gets the row that they are filled with."""
    bench.postgres.sql(
        f"""
        INSERT INTO tb_item SELECT 1, gen_random_uuid(), 'pending', 1.5, true, now(),
            '{note_for(ROW_BYTES)}';
        DO $$ BEGIN FOR i IN 0 .. {count - 1} LOOP
            EXECUTE format('CREATE TABLE tb_item_%s (LIKE tb_item)', i);
            PERFORM fraiseql_nats.observe(('tb_item_' || i)::regclass, '{{INSERT}}');
        END LOOP; END $$
        """,
        database,
    )
