# SPDX-License-Identifier: PostgreSQL
"""Random load, random faults, and then: is every message in the stream, once, in order?

Called by run.  The last line is "torture: N passed, N failed".
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from arena import MODES, Arena
from comparison import CLAIMS, COMMIT_ORDER, INNER_ORDER, Comparison, read_expected, write_evidence
from self_test import overlooked
from world import STREAM

TREE = Path(__file__).resolve().parents[2]
LOGS = TREE / "build" / "torture" / "log"
SHOWN_PROBLEMS = 5
SIGNS_OF_A_CRASH = ("TRAP:", "PANIC:", "was terminated by signal 11", "was terminated by signal 6")
TOLD_DELETION = f'WARNING:  stream "{STREAM}" was deleted and made again'
OUTCOMES = ("committed", "rolled back", "failed", "cut off")


class Judge:
    """Compares what an arena has left with what must be, and prints it."""

    passed = failed = 0

    def __init__(self, arena):
        self._arena = arena
        self._losses = 0

    def _check(self, claim, problems):
        if problems:
            Judge.failed += 1
        else:
            Judge.passed += 1
        print(f"  {'FAILED' if problems else 'ok    '} {claim}")
        for problem in problems[:SHOWN_PROBLEMS]:
            print(f"           {problem}")
        if len(problems) > SHOWN_PROBLEMS:
            print(f"           ... and {len(problems) - SHOWN_PROBLEMS} more")

    async def judge(self):
        arena, world = self._arena, self._arena.world
        print(f"\n== {arena.mode.title}")
        self._print_faults()
        self._print_load()
        commits = arena.server.commits(arena.start_lsn, arena.end_lsn)
        for database, streams in world.streams.records.items():
            await self._judge_database(database, streams, commits)
        print()
        self._check("every database catches up when all is whole", arena.not_caught_up)
        self._check("every fault is survived", self._not_survived())
        self._check(
            "the stream has no gaps, and what others have stored: the broker keeps its word",
            world.streams.lost_by_broker,
        )
        told = sum(TOLD_DELETION in line for line in self._server_log())
        self._check(
            f"what went with a deleted stream is reported ({self._losses} times)",
            [f"the log tells of it {told} times"] * (told < self._losses),
        )
        self._check("the load meets no error but those it asks for", self._unexpected_errors())
        self._check("no process of the server crashes but those that are killed", self._crashes())

    async def _judge_database(self, database, streams, commits):
        session = await self._arena.server.connect(database)
        expected = await read_expected(session, commits)
        comparison = Comparison(streams, expected)
        self._report(database, streams, expected, comparison)
        if comparison.suspects:
            path = self._arena.logs / f"{database}.evidence"
            async with self._arena.world.client() as client:
                messages = client.read_stream(STREAM)
                await write_evidence(path, comparison, expected, streams, session, messages)
        session.close()

    def _report(self, database, streams, expected, comparison):
        rows = sum(map(len, expected.contents.values()))
        messages = " + ".join(str(len(records)) for records in streams)
        print(
            f'\n  database "{database}": {len(expected.contents)} transactions with {rows} messages'
            f" in the ledger, {messages} in the stream"
        )
        self._losses += comparison.losses
        breaks = comparison.breaks
        counted = self._arena.world.watches[database].order_breaks
        # The broker refused a message and took a later one, and that is known.
        excused = self._arena.mode.has_neighbours and breaks <= counted
        for claim in CLAIMS:
            is_order = claim in (COMMIT_ORDER, INNER_ORDER)
            self._check(claim, [] if is_order and excused else comparison.problems[claim])
        self._check(
            f"status() counts where the order breaks ({breaks} times)",
            [f"it counts {counted}"] * (breaks > counted),
        )
        records = [record for stream in streams for record in stream]
        self._check("the comparison sees errors put in on purpose", overlooked(records, expected))

    def _not_survived(self):
        return [
            f"{name}: {tally.survived} of {tally.injected}"
            for name, tally in self._arena.tallies.items()
            if tally.survived < tally.injected
        ]

    def _unexpected_errors(self):
        counts = self._arena.counts.items()
        return [f"{what}: {n} times" for (kind, what), n in counts if kind == "unexpected"]

    def _server_log(self):
        return (self._arena.logs / "postgres.log").read_text(errors="replace").splitlines()

    def _crashes(self):
        signs = SIGNS_OF_A_CRASH
        return [line for line in self._server_log() if any(sign in line for sign in signs)]

    def _print_faults(self):
        print(f"\n  {'fault':26} {'injected':>9} {'survived':>9} {'longest until all confirmed':>29}")
        for name, tally in sorted(self._arena.tallies.items()):
            print(f"  {name:26} {tally.injected:9} {tally.survived:9} {tally.longest:27.1f} s")
        if "disk full" not in self._arena.tallies:
            print("  disk full: not in this run; it needs a disk that may be mounted")

    def _print_load(self):
        counts = self._arena.counts
        print(f"\n  {'transactions':26}" + "".join(f" {outcome:>12}" for outcome in OUTCOMES))
        for kind in sorted({kind for kind, _ in counts if kind != "unexpected"}):
            print(f"  {kind:26}" + "".join(f" {counts[kind, outcome]:12}" for outcome in OUTCOMES))


async def torture(options, work):
    for mode in options.modes:
        logs = LOGS / mode.name
        logs.mkdir(parents=True)
        arena = Arena(mode, options, work / mode.name, logs)
        failed_before = Judge.failed
        try:
            await arena.run()
            await Judge(arena).judge()
        except Exception:
            print_journal(arena)
            raise
        finally:
            await arena.tear_down()
        if Judge.failed > failed_before:
            print_journal(arena)


def print_journal(arena):
    print("\n  what happened when, in seconds:")
    for line in arena.journal:
        print(f"  {line}")


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True, help="of load and faults")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 10**6))
    parser.add_argument("--disk", help="a small disk for the broker, which may be filled")
    parser.add_argument("--without", action="append", default=[], help="a fault to leave out")
    parser.add_argument("--only", choices=[mode.name for mode in MODES])
    options = parser.parse_args()
    options.modes = [mode for mode in MODES if options.only in (None, mode.name)]
    return options


def main():
    options = parse_options()
    shutil.rmtree(LOGS, ignore_errors=True)
    again = f"make torture SECONDS={options.seconds:g} SEED={options.seed}"
    print(again, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="torture.") as work:
        asyncio.run(torture(options, Path(work)))
    if Judge.failed:
        print(f"once more: {again}; logs are in {LOGS.relative_to(TREE)}")
    print(f"torture: {Judge.passed} passed, {Judge.failed} failed")
    return 1 if Judge.failed else 0


if __name__ == "__main__":
    sys.exit(main())
