# SPDX-License-Identifier: PostgreSQL
"""Kills each machine of examples/cluster in turn, by hand and with Patroni, and compares.  See run."""

import asyncio
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

from by_hand import ByHand
from by_patroni import ByPatroni
from verdict import overlooked, problems_of

LOGS = Path(__file__).resolve().parents[2] / "tmp_check" / "cluster"
SHOWN = 5


class Report:
    passed = failed = 0

    def check(self, claim, problems=()):
        self.passed += not problems
        self.failed += bool(problems)
        print(f"  {'FAILED' if problems else 'ok    '} {claim}", flush=True)
        for problem in list(problems)[:SHOWN]:
            print(f"           {problem}")

    async def goes_on(self, stage, event, moment):
        """Of what happened at this moment; prints the seconds until an order made since is in the stream."""
        seconds = await stage.until_published_after(moment)
        self.check(f"{event}: publishing went on after {seconds:.1f} s")


async def compare(report, stage, load, primary):
    load.stop()
    # A commit that is certainly flushed, and all before it with it.
    stage.sql(primary, "SELECT pg_logical_emit_message(true, 'test', '')")
    target = stage.sql(primary, "SELECT pg_current_wal_flush_lsn()")
    drained = f"bool_and(confirmed_lsn >= '{target}' AND in_flight = 0) FROM fraiseql_nats.status()"
    await stage.until_sql(primary, drained, "everything is published")
    ledger, stream, told = stage.ledger(primary), await stage.stream(), load.told
    cut_off = sum(session.cut_off for session in load.sessions)
    print(
        f"  {len(told)} commits confirmed, {len(ledger)} in the ledger, {len(stream)} messages,"
        f" {cut_off} transactions cut off"
    )
    for claim, problems in problems_of(told, ledger, stream).items():
        report.check(claim, problems)
    report.check("the comparison sees errors put in on purpose", overlooked(told, ledger, stream))
    gaps = stage.sql(primary, "SELECT from_lsn, to_lsn, reason FROM fraiseql_nats.gap").splitlines()
    report.check("gaps 0", gaps)
    alarms = stage.sql(primary, "SELECT kind, message FROM fraiseql_nats.alarm").splitlines()
    report.check("alarms 0", alarms)


async def play(report, name, story, directory):
    """A story ends with its load running and its stream whole; what comes of it is compared."""
    print(f"== {name}", flush=True)
    stage = None
    try:
        part = story(directory / story.__name__, report)
        stage = part.stage
        primary = await part.play()
        await compare(report, stage, part.load, primary)
    except Exception:
        report.check(f"{name} comes to its end", [traceback.format_exc()])
        if stage:
            stage.keep_logs(LOGS / story.__name__)
    finally:
        if stage:
            stage.end()


async def main():
    report, started = Report(), time.time()
    directory = Path(tempfile.mkdtemp(prefix="cluster."))
    directory.chmod(0o755)
    shutil.rmtree(LOGS, ignore_errors=True)
    try:
        await play(report, "Failover by hand", ByHand, directory)
        await play(report, "Failover by Patroni", ByPatroni, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"  {time.time() - started:.0f} s")
    print(f"cluster: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
