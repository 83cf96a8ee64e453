# SPDX-License-Identifier: PostgreSQL
"""One round: servers, load and faults for some time, then everything healed, and what is left of it."""

import asyncio
import random
import sys
import time
from collections import Counter
from pathlib import Path

import dead_letters
from broker import Broker
from bystander import Bystander
from cluster import Cluster, Proxies
from faults import disk_full
from lanes import Lane
from limit_faults import LIMITS, stop_ageing
from load import Client, create_schema, finish_prepared
from postgres import PostgresServer
from proxy import Proxy
from recorder import Recorder
from slot_faults import KEPT, slot_invalidated
from streams import STREAM, History, own_stream
from world import SERVER_SETTINGS, World

PAUSE = 0.05  # seconds between a session's transactions, on average
DRAIN_TIMEOUT = 120
LOSING_SETTINGS = {"wal_keep_size": "0", "max_slot_wal_keep_size": KEPT}
MOST_PAYLOAD = 48 << 10  # of the broker; some messages are larger


class Arena:
    """After run(): `tallies` of the faults, `counts` of the load, `not_caught_up`, `letters` and
    `letters_left` by database, the `bystander`, `seen`: what the reader of rows has counted, and the
    world."""

    def __init__(self, mode, options, work, logs):
        self.mode = mode
        self.logs = logs
        self.world = self.server = None
        self.tallies = {}
        self.counts = Counter()
        self.not_caught_up = []
        self.letters = {}  # database -> those that were to be, and those that were, before the cure
        self.letters_left = {}  # the same, behind it
        self.seen = (0, 0, 0)
        self.bystander = None
        self.stores = []  # what each server of a cluster holds, in words
        self.journal = []
        self._options = options
        self._seed = f"{options.seed}/{mode.name}"
        self._work = work
        self._broker = self._proxy = self._reader = None
        self._tasks = []
        self._started = time.monotonic()

    def note(self, line):
        self.journal.append(f"{time.monotonic() - self._started:8.3f} {line}")

    async def run(self):
        await self._set_up()
        await self._rage()
        await self._settle()

    async def _set_up(self):
        self._work.mkdir()
        store = Path(self._options.disk or self._work) / self.mode.name
        store.mkdir()
        make = Cluster if self.mode.is_cluster else Broker
        log = self.logs / "nats-server.log"
        self._broker = make(self._work / "nats", store, log, max_payload=MOST_PAYLOAD)
        await self._broker.start()
        ports = self._broker.ports
        self._proxy = Proxies(ports) if self.mode.is_cluster else Proxy(*ports)
        await self._proxy.start()
        log = self.logs / "postgres.log"
        loses_log = slot_invalidated in self.mode.lanes.get("slots", ())
        settings = {**SERVER_SETTINGS, **(LOSING_SETTINGS if loses_log else {})}
        self.server = PostgresServer(self._work / "pg", log, settings, loses_log)
        self.world = World(
            self.server,
            self._broker,
            self._proxy,
            databases=list(self.mode.sessions),
            order_may_break=self.mode.has_neighbours,
            have_own=self.mode.has_streams,
        )
        if self.mode.is_cluster:
            self.world.settings["replicas"] = len(ports)
        if self._options.batches:
            self.world.settings["message_id_header"] = "Fraiseql-Id"
        if self.mode.lets_go:
            await self._limit_stream()
        self.world.configure()
        self.server.start()
        await self.server.wait_until_up()
        session = await self.server.connect("postgres")
        for database in self.mode.sessions:
            await session.execute(f"CREATE DATABASE {database}")
        self.start_lsn = await session.value("SELECT pg_current_wal_lsn()")
        await self._learn(session)
        session.close()
        for database in self.mode.sessions:
            await create_schema(self.server, database, self.mode.has_streams)

    async def _learn(self, session):
        system = await session.value("SELECT system_identifier FROM pg_control_system()")
        oids = dict(await session.execute("SELECT datname, oid FROM pg_database"))
        self._oids = {name: oids[name] for name in self.mode.sessions}
        self.world.histories = [History(STREAM, system, self._oids, self.mode.lets_go)]
        if self.mode.has_streams:
            self.world.histories += [
                History(own_stream(name), system, {name: oid}) for name, oid in self._oids.items()
            ]
        if self.mode.name in ("exclusive", "limits"):
            name = "stream_exclusive"
            query = f"SELECT 1 FROM pg_settings WHERE name = 'fraiseql_nats.{name}'"
            if await session.execute(query):
                self.world.settings[name] = random.Random(self._seed).choice(["auto", "on"] + ["off"] * self.mode.lets_go)
                self.world.configure()
                self.server.reload()

    async def _limit_stream(self):
        """Makes it before the worker does."""
        limits = random.Random(self._seed).choice(LIMITS)
        self.note(f"the stream has {limits}")
        self.world.retention_kept_last = "max_msgs_per_subject" in limits or not limits
        async with self.world.client() as client:
            await client.api(
                f"STREAM.CREATE.{STREAM}",
                **{"name": STREAM, "subjects": ["fraiseql.>"], "storage": "file", "retention": "limits"},
                **{"duplicate_window": int(1e8), "num_replicas": 1, "discard": "old", **limits},
                **({"allow_batched": True} if self._options.batches else {}),
            )

    def _start(self, coroutine):
        self._tasks.append(task := asyncio.create_task(coroutine))
        return task

    def _lanes(self, deadline):
        for name, faults in self.mode.lanes.items():
            faults = [f for f in faults if f.__name__ not in self._options.without]
            if not self._options.disk:
                faults = [f for f in faults if f != disk_full]
            if faults:
                dice = random.Random(f"{self._seed}/{name}")
                yield Lane(name, faults, self.world, dice, deadline, self.tallies, self.note)

    async def _rage(self):
        """Load and faults, side by side."""
        for watch in self.world.watches.values():
            self._start(watch.run())
        self.bystander = Bystander(self.server)
        self._start(self.bystander.run())
        await self._start_reader()
        if self.mode.lets_go or self.mode.is_cluster:
            self.world.recorder = Recorder(self._broker, STREAM, not self.mode.is_cluster)
            self._start(self.world.recorder.run())
        dooms = self.mode.dooms
        clients = [
            Client(self.server, database, number, self._seed, self.counts, PAUSE, dooms)
            for database, sessions in self.mode.sessions.items()
            for number in range(1, sessions + 1)
        ]
        load = [self._start(client.run()) for client in clients]
        if self.mode.has_neighbours:
            load.append(self._start(self.world.neighbour.run(random.Random(self._seed))))
        self._started = time.monotonic()
        deadline = self._started + self._options.seconds * self._share()
        faults = [self._start(lane.run()) for lane in self._lanes(deadline)]
        # A task of the load that ends has failed, and so does what waits for it.
        await self._while_all_run(faults + [self._start(asyncio.sleep(deadline - self._started))], load)
        for worker in clients + [self.world.neighbour]:
            worker.running = False
        await asyncio.gather(*load)

    def _share(self):
        return self.mode.share / sum(mode.share for mode in self._options.modes)

    async def _start_reader(self):
        program = Path(__file__).parent / "seen_reader.py"
        databases = [f"{oid}={name}" for name, oid in self._oids.items()]
        ports = ",".join(map(str, self._broker.ports))
        self._reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", program, ports, self.server.directory, *databases),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def _stop_reader(self):
        output, _ = await self._reader.communicate(b"")
        self.seen = tuple(map(int, output.split()))

    @staticmethod
    async def _while_all_run(awaited, running):
        left = set(awaited)
        while left:
            done, _ = await asyncio.wait(
                left | set(running), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
                if task in running:
                    raise RuntimeError("the load has ended by itself")
            left -= done

    async def _settle(self):
        """Everything is whole: waits until the slots are confirmed up to the end of the log."""
        self._proxy.heal()
        self.world.configure()
        self.server.reload()
        await self.server.wait_until_up()
        if self.mode.lets_go:
            await stop_ageing(self.world)
        for database in self.mode.sessions:
            session = await self.server.connect(database)
            await finish_prepared(session, "")
            session.close()
        begin = time.monotonic()
        if await self._drain():
            self.note(f"all was confirmed {time.monotonic() - begin:.1f} s after the last fault")
        await self._stop_reader()
        await self._redeem()
        self.bystander.running = False
        for watch in self.world.watches.values():
            watch.running = False
        # What this last look counts must be all there is.
        for watch in self.world.watches.values():
            await watch.look_once()
        if self.mode.is_cluster:
            await self._broker.until_whole()
            self.stores = await self._broker.stores()
        async with self.world.client() as client:
            for history in self.world.histories:
                await history.take(client, self.world.neighbour if history.is_default else None)

    async def _drain(self):
        """Waits until all that was committed by now is confirmed."""
        session = await self.server.connect("torture")
        await session.execute(
            "SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'torture', '')"
        )
        self.end_lsn = await session.value("SELECT pg_current_wal_flush_lsn()")
        session.close()
        if await self.world.until_caught_up(DRAIN_TIMEOUT):
            return True
        watches = self.world.watches.items()
        self.not_caught_up = [f"{', '.join(pair)}: {watch.status}" for pair, watch in watches]
        return False

    async def _redeem(self):
        """Looks at the dead letters, removes their cause, and retries them."""
        # Those whose log was lost do not come.
        most = 3 if self.mode.loses_slots else 30
        for name in self.mode.sessions:
            self.letters[name] = await dead_letters.settled(
                self.server, name, dead_letters.all_there, most
            )
        await dead_letters.cure(self.world)
        for name, (doomed, letters) in self.letters.items():
            await dead_letters.redeem(self.server, name, doomed, letters)
        await self._drain()
        for name in self.mode.sessions:
            self.letters_left[name] = await dead_letters.settled(
                self.server, name, dead_letters.none_left
            )

    async def _cancel_all(self):
        """A cancellation that meets the end of a timeout or of a connection may get lost."""
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)

    async def tear_down(self):
        await self._cancel_all()
        if self._reader and self._reader.returncode is None:
            self._reader.kill()
        if self.server:
            await self.server.stop()
        if self._broker:
            self._broker.kill9()
        if self._proxy:
            self._proxy.stop()
        (self.logs / "faults.log").write_text("\n".join(self.journal) + "\n")
