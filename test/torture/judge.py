# SPDX-License-Identifier: PostgreSQL
"""Says of each claim whether it holds in what an arena has left."""

import buckets
import bystander
import dead_letters
import gaps
import losses
import passing
import retention
import seen_reader
import snapshots
from comparison import CLAIMS, COMMIT_ORDER, INNER_ORDER, Comparison, read_expected, write_evidence
from report import print_faults, print_load
from self_test import overlooked

SHOWN_PROBLEMS = 5
SIGNS_OF_A_CRASH = ("TRAP:", "PANIC:", "was terminated by signal 11", "was terminated by signal 6")


class Judge:
    """Compares what an arena has left with what must be, and prints it."""

    passed = failed = 0

    def __init__(self, arena):
        self._arena = arena

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
        print_faults(arena.tallies)
        print_load(arena.counts)
        commits = arena.server.commits(arena.start_lsn, arena.end_lsn)
        for history in world.histories:
            gone = 0
            for database in history.records:
                gone += await self._judge_stream(history, database, commits)
            self._check_deletions(history, gone)
        if arena.mode.has_streams:
            for database in arena.mode.sessions:
                await self._check_bucket(database)
            await self._check_passing(commits)
        print()
        self._check("every database catches up when all is whole", arena.not_caught_up)
        self._check("every fault is survived", self._not_survived() + world.wrong_ends)
        self._check(
            "the stream has no gaps, and what others have stored: the broker keeps its word",
            [sentence for history in world.histories for sentence in history.lost_by_broker],
        )
        if arena.mode.is_cluster:
            self._check_cluster()
        self._check(bystander.CLAIM, arena.bystander.seen)
        self._check_seen()
        self._check("the load meets no error but those it asks for", self._unexpected_errors())
        self._check("no process of the server crashes but those that are killed", self._crashes())

    async def _judge_stream(self, history, database, commits):
        """Of one database; returns how often it was deleted with messages that are in no other."""
        streams, mode = history.records[database], self._arena.mode
        session = await self._arena.server.connect(database)
        expected = await read_expected(session, commits, history.of_ledger)
        all_gaps = await gaps.read(session, commits)
        slot = self._arena.world.watches[database, history.name].status["slot"]
        rows = [gap for gap in all_gaps if gap.slot == slot]
        lost = gaps.extents(rows)
        doomed = self._letters(history, database)[0]
        if mode.is_cluster:
            lost += self._lost_by_cluster(streams[-1])
        if mode.lets_go:
            await self._check_retention(history, session, streams[-1], commits)
            self._check_letters(history, database, commits, lost)
            session.close()
            return 0
        comparison = Comparison(streams, expected, lost, doomed)
        self._report(history, database, expected, comparison, doomed, lost)
        histories = await snapshots.read_histories(session, commits, history.root)
        self._check_backfills(database, comparison.history, histories, gaps.reaches(all_gaps))
        self._check_letters(history, database, commits, lost)
        # Where there are several streams, some lose no slot.
        if mode.loses_slots and (rows or not mode.has_streams):
            self._check_gaps(rows, comparison.history)
        if comparison.suspects:
            path = self._arena.logs / f"{database}.{history.name}.evidence"
            async with self._arena.world.client() as client:
                messages = client.read_stream(history.name)
                await write_evidence(path, comparison, expected, streams, session, messages)
        session.close()
        # A worker whose slot was lost does not know what its stream held before.
        return comparison.losses - len(rows)

    def _check_deletions(self, history, gone):
        sign = f'WARNING:  stream "{history.name}" was deleted and recreated'
        told = sum(sign in line for line in self._server_log())
        self._check(
            f"what went with a deleted stream is reported ({max(0, gone)} times)",
            [f"the log tells of it {told} times"] * (told < gone),
        )

    async def _check_bucket(self, database):
        session = await self._arena.server.connect(database)
        async with self._arena.world.client() as client:
            held, rows = await buckets.read(session, client, database)
        session.close()
        print(f'\n  database "{database}": {len(rows)} rows, {len(held)} keys in its bucket')
        for claim, problems in buckets.problems_of(held, rows).items():
            self._check(claim, problems)
        self._check("that sees errors put in on purpose", buckets.overlooked(held, rows))

    async def _check_passing(self, commits):
        problems = []
        lives = self._arena.world.lives
        for life in lives:
            session = await self._arena.server.connect(life.database)
            expected = await read_expected(session, commits, f"starts_with(subject, '{life.root}.')")
            problems += passing.problems_of(life, expected)
            session.close()
        messages = sum(len(life.records) for life in lives)
        print()
        self._check(f"{passing.CLAIM} ({len(lives)} lives, {messages} messages)", problems)

    def _letters(self, history, database):
        """The messages that were to be dead letters of the stream, those that were, and those that were left."""
        doomed, letters = self._arena.letters[database]
        _, left = self._arena.letters_left[database]
        return [[one for one in some if one.stream == history.alias] for some in (doomed, letters, left)]

    def _report(self, history, database, expected, comparison, doomed, lost):
        streams = history.records[database]
        rows = sum(map(len, expected.contents.values()))
        messages = " + ".join(str(len(records)) for records in streams)
        print(
            f'\n  database "{database}": {len(expected.contents)} transactions with {rows} messages'
            f" in the ledger, {messages} in the stream \"{history.name}\""
        )
        breaks = comparison.breaks
        counted = self._arena.world.watches[database, history.name].order_breaks
        # The broker refused a message and took a later one, and that is known.
        excused = self._arena.mode.has_neighbours and history.is_default and breaks <= counted
        for claim in CLAIMS:
            is_order = claim in (COMMIT_ORDER, INNER_ORDER)
            self._check(claim, [] if is_order and excused else comparison.problems[claim])
        self._check(
            f"status() counts where the order breaks ({breaks} times)",
            [f"it counts {counted}"] * (breaks > counted),
        )
        records = [record for stream in streams for record in stream]
        self._check("the comparison sees errors put in on purpose", overlooked(records, expected, doomed, lost))

    def _lost_by_cluster(self, held):
        """What the servers have lost, as the worker has told, as gaps."""
        recorder = self._arena.world.recorder
        recorder.compare(held)
        told = losses.read_told(self._server_log())
        if recorder.taken_back or told:
            print(f"\n  the servers have lost {len(recorder.taken_back)} messages that were read; told: {told}")
        lost = [r for r in recorder.taken_back if any(r in loss for loss in told)]
        return [(record.position[0], record.position[0] + 1) for record in lost]

    def _check_cluster(self):
        recorder = self._arena.world.recorder
        told = losses.read_told(self._server_log())
        self._check(losses.CLAIM, losses.problems_of(recorder.taken_back, told))
        records = list(recorder.records.values())
        self._check(
            "that sees errors put in on purpose", losses.overlooked(records, recorder.taken_back, told)
        )
        stores = self._arena.stores
        self._check(losses.SAME, stores if len(set(stores)) > 1 else [])

    def _check_backfills(self, database, records, histories, lost):
        runs = [
            run
            for run in self._arena.world.backfills
            if run.database == database and not snapshots.is_cut(run, lost)
        ]
        told = sum(record.aside.isdigit() for record in records)
        self._check(
            f"{snapshots.CLAIM} ({len(runs)} backfills, {told} rows)",
            snapshots.problems_of(runs, records, histories),
        )
        self._check(
            "that sees errors put in on purpose", snapshots.overlooked(runs, records, histories)
        )

    def _check_letters(self, history, database, commits, lost):
        doomed, letters, left = self._letters(history, database)
        retries = sum(letter.retried for letter in letters)
        self._check(
            f"{dead_letters.CLAIM} ({len(doomed)} messages, {retries} retries)",
            dead_letters.problems_of(doomed, letters, commits, lost),
        )
        self._check("that sees errors put in on purpose", dead_letters.overlooked(doomed, letters, commits))
        self._check(
            dead_letters.RETRIED,
            [f"dead letter {letter.id} is still there" for letter in left if not letter.retried],
        )

    async def _check_retention(self, history, session, held, commits):
        world = self._arena.world
        alarms = await session.execute("SELECT kind, message FROM fraiseql_nats.alarm")
        found = retention.Found(
            world.recorder.records,
            held,
            history.last_sequence,
            world.retention_kept_last,
            world.settings.get("stream_exclusive") != "off",
            await session.value("SELECT state FROM fraiseql_nats.status()"),
            retention.read_told(self._server_log()),
            losses.count(losses.read_told(self._server_log())),
        )
        ledger = await retention.read_ledger(session, commits)
        print(
            f"\n  {len(ledger.places)} messages in the ledger, {found.last_sequence} taken by the stream,"
            f" {len(found.records)} read, {len(held)} left; {len(alarms)} alarms, {found.told.count} told, {found.lost} told to be lost; settings: {world.settings}"
        )
        for kind, text in alarms:
            print(f"    {kind}: {text}")
        problems = retention.problems_of(found, ledger)
        for claim in retention.CLAIMS:
            self._check(claim, problems[claim])
        self._check("that sees errors put in on purpose", retention.overlooked(found, ledger))

    def _check_gaps(self, rows, records):
        lines = self._server_log()
        log = [line + detail for line, detail in zip(lines, lines[1:]) if "WARNING" in line]
        problems = gaps.problems_of(rows, records, log)
        self._check(f"{gaps.CLAIM} ({len(rows)} slots lost)", problems)
        self._check("that sees errors put in on purpose", gaps.overlooked(rows, records, log))

    def _check_seen(self):
        read, missed, cut_off = self._arena.seen
        self._check(
            f"{seen_reader.CLAIM} ({read} read, {cut_off} of them after the server was back)",
            [f"{missed} rows were not there"] * (missed > 0) + ["none was read"] * (read == 0),
        )

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
