# SPDX-License-Identifier: PostgreSQL
"""Runs PostgreSQL's regression suite twice, without the extension and with every table observed.

No test may differ unless that is explained; what is published is compared with what another output plugin
has seen; no process may crash, and none of ours have an error.  See run, which calls this.
"""

import argparse
import asyncio
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import changes_test
import witness
from broker import Broker
from changes import Changes, save_stream, saved_messages
from differences import Differences
from postgres import ConnectionLost, number
from suite import DATABASE, Build, Suite

TREE = Path(__file__).resolve().parents[2]
LOGS = TREE / "tmp_check/log/pg-regress"
STREAM = "fraiseql_events"
CATCH_UP = 900  # seconds
MOST_LINES = 40

OBSERVE_EVERYTHING = """
CREATE EXTENSION fraiseql_nats;
CREATE FUNCTION fraiseql_nats.observe_everything() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET client_min_messages = error AS $$
DECLARE
    t oid;
BEGIN
    FOR t IN SELECT DISTINCT c.oid FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
             WHERE d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
               AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'fraiseql_nats'::regnamespace)
               AND NOT EXISTS (SELECT FROM fraiseql_nats.observer o WHERE o.name = c.oid::text)
    LOOP
        PERFORM fraiseql_nats.observe(t::regclass, name => t::text);
    END LOOP;
END $$;
CREATE EVENT TRIGGER observe_everything ON ddl_command_end
WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA') EXECUTE FUNCTION fraiseql_nats.observe_everything();
"""


class Run:
    """One PostgreSQL: without us, and with us."""

    def __init__(self, build, schedule, work):
        self.name = build.name
        self._build = build
        self._schedule = schedule
        self._work = work
        self._logs = LOGS / build.name
        self.faults = []  # sentences
        self.facts = {}  # what is printed

    async def run(self):
        began = time.monotonic()
        self._work.mkdir()
        libraries = self._build.compile(self._work / "lib")
        plain, plain_tests = await self._without_us(libraries)
        ours, tests = await self._with_us(libraries)
        published, self.facts = self.facts, {}
        self._compare(plain, plain_tests, ours, tests)
        self.facts.update(published)
        self.facts["seconds, tests without us"] = round(plain.seconds)
        self.facts["seconds, tests with us"] = round(ours.seconds)
        self.facts["seconds in all"] = round(time.monotonic() - began)

    async def _without_us(self, libraries):
        self._say("the suite without the extension")
        suite = Suite(self._build, libraries, self._work / "plain", self._logs / "plain", {})
        try:
            await suite.start()
            tests = suite.run(self._schedule)
        finally:
            await suite.server.stop()
        return suite, tests

    async def _with_us(self, libraries):
        self._say("the suite with every table observed")
        broker = self._broker()
        settings = {
            "shared_preload_libraries": "fraiseql_nats",
            "fraiseql_nats.url": f"nats://127.0.0.1:{broker.port}",
        }
        suite = Suite(self._build, libraries, self._work / "ours", self._logs / "ours", settings)
        try:
            await broker.start()
            await suite.start()
            await suite.execute(OBSERVE_EVERYTHING)
            witness.create_slot(suite, DATABASE)
            tests = suite.run(self._schedule)
            await self._judge(suite, broker)
            await suite.server.stop(signal.SIGINT)
        finally:
            await suite.server.stop()
            broker.kill9()
        self._check_log(suite)
        return suite, tests

    def _broker(self):
        (self._work / "store").mkdir()
        return Broker(self._work / "broker", self._work / "store", self._logs / "nats.log")

    async def _judge(self, suite, broker):
        began = time.monotonic()
        [[end]] = await suite.execute("SELECT pg_current_wal_insert_lsn()")
        lag = await self._catch_up(suite, end)
        self.facts["seconds until all was confirmed"] = round(time.monotonic() - began)
        self.facts["lag at the end, bytes"] = lag
        if lag:
            self.faults.append(f"the worker has not caught up: {await self._status(suite)}")
        self._say("comparing")
        witness.record(suite, DATABASE, end, self._work / "record")
        letters = await suite.execute('SELECT "position", reason FROM fraiseql_nats.dead_letters()')
        self._count_letters(letters)
        record, changes = witness.Record(self._work / "record"), Changes(letters)
        client = await broker.connect()
        await save_stream(client, STREAM, self._work / "stream")
        client.close()
        changes.compare(saved_messages(self._work / "stream"), record)
        self._enter(record, changes)

    async def _status(self, suite):
        names = "state, reason, hint, confirmed_lsn, lag_bytes, last_error"
        return (await suite.execute(f"SELECT {names} FROM fraiseql_nats.status()"))[0]

    async def _catch_up(self, suite, end):
        """Returns the lag that is left."""
        deadline = time.monotonic() + CATCH_UP
        while True:
            try:
                [row] = await suite.execute("SELECT confirmed_lsn, lag_bytes FROM fraiseql_nats.status()")
            except ConnectionLost:
                row = [None, None]
            if row[0] and number(row[0]) >= number(end) and row[1] == "0":
                return 0
            if time.monotonic() > deadline:
                return row[1] or "unknown"
            await asyncio.sleep(0.2)

    def _count_letters(self, letters):
        """By reason, without what is another in each."""
        reasons = Counter(re.sub(r'"[^"]*"|\b0x\S+( 0x\S+)*', "…", reason)[:80] for _, reason in letters)
        self.facts["dead letters"] = len(letters)
        for reason, count in reasons.most_common():
            self.facts[f"  {reason}"] = count

    def _enter(self, record, changes):
        counts = changes.counts
        self.facts["changes seen by the witness"] = record.changes
        self.facts["messages to be expected"] = counts["expected"]
        self.facts["messages published"] = counts["messages"]
        for what in ("lost", "twice", "out of order", "unexpected"):
            self.facts[what] = counts[what]
        self.facts["values compared (rows)"] = counts["compared"]
        self.facts["  of them equal, written otherwise"] = counts["equal, written otherwise"]
        self.facts["values wrong (rows)"] = counts["wrong"]
        self.faults += changes.examples

    def _check_log(self, suite):
        crashes, (known, errors) = suite.crashes(), suite.errors_of_ours()
        self.facts["crashes"] = len(crashes)
        self.facts["errors of our processes, explained"] = len(known)
        self.facts["errors of our processes, others"] = len(errors)
        self.faults += [f"crash: {line}" for line in crashes[:5]]
        self.faults += [f"error of our processes: {text}" for text in errors[:5]]

    def _compare(self, plain, plain_tests, ours, tests):
        differences = Differences(plain_tests, plain.results, tests, ours.results)
        self.facts["tests run"] = len(tests)
        self.facts["tests that fail without us"] = sum(not passed for passed in plain_tests.values())
        self.facts["tests that differ"] = differences.differing
        self.facts["  explained"] = len(differences.explained)
        self.facts["  not explained"] = len(differences.unexplained)
        for test, lines in differences.unexplained.items():
            shown = "\n    ".join(lines[:MOST_LINES])
            self.faults.append(f"test {test} differs, by {len(lines)} lines:\n    {shown}")
        for test in differences.stale:
            self.faults.append(f"test {test} does not differ, but test/pg-regress/differences/{test} explains it")

    def _say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {self.name}: {text}", flush=True)


def print_table(runs):
    names = list(dict.fromkeys(name for run in runs for name in run.facts))
    width = max(map(len, names))
    print(f"\n  {'':{width}}" + "".join(f" {run.name:>22}" for run in runs))
    for name in names:
        print(f"  {name:{width}}" + "".join(f" {run.facts.get(name, '-'):>22}" for run in runs))


async def regress(options, work):
    changes_test.check()
    runs = []
    for text in options.build:
        build = Build(*text.split("="))
        runs.append(Run(build, options.schedule, work / build.name))
        await runs[-1].run()
    print_table(runs)
    faults = [f"{run.name}: {fault}" for run in runs for fault in run.faults]
    for fault in faults:
        print(f"\n  {fault}")
    print(f"\npg-regress: {'FAILED, ' + str(len(faults)) + ' faults' if faults else 'passed'}")
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", action="append", required=True, help="NAME=PG_CONFIG=SOURCES")
    parser.add_argument("--schedule", help="instead of parallel_schedule")
    options = parser.parse_args()
    shutil.rmtree(LOGS, ignore_errors=True)
    sys.set_int_max_str_digits(0)  # numeric has up to 131072
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="regress.") as work:
        return asyncio.run(regress(options, Path(work)))


if __name__ == "__main__":
    sys.exit(main())
