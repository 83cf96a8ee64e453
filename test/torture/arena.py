# SPDX-License-Identifier: PostgreSQL
"""One round: servers, load and faults for some time, then everything healed, and what is left of it."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from broker import Broker
from faults import LANES, Lane, disk_full
from load import Client, create_schema, finish_prepared
from postgres import PostgresServer
from proxy import Proxy
from world import SERVER_SETTINGS, STREAM, Streams, World

PAUSE = 0.05  # seconds between a session's transactions, on average
DRAIN_TIMEOUT = 120


class Mode(NamedTuple):
    name: str
    title: str
    sessions: dict  # database -> how many sessions change it
    has_neighbours: bool


MODES = (
    Mode("shared", "a stream that others write to", {"torture": 5, "second": 2}, True),
    Mode("exclusive", "a stream of its own", {"torture": 7}, False),
)


class Arena:
    """After run(): `tallies` of the faults, `counts` of the load, `not_caught_up`, and the world."""

    def __init__(self, mode, options, work, logs):
        self.mode = mode
        self.logs = logs
        self.world = self.server = None
        self.tallies = {}
        self.counts = Counter()
        self.not_caught_up = []
        self.journal = []
        self._options = options
        self._seed = f"{options.seed}/{mode.name}"
        self._work = work
        self._broker = self._proxy = None
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
        self._broker = Broker(self._work / "nats", store, self.logs / "nats-server.log")
        await self._broker.start()
        self._proxy = Proxy(self._broker.port)
        await self._proxy.start()
        log = self.logs / "postgres.log"
        self.server = PostgresServer(self._work / "pg", log, SERVER_SETTINGS)
        self.world = World(
            self.server,
            self._broker,
            self._proxy,
            databases=list(self.mode.sessions),
            order_may_break=self.mode.has_neighbours,
        )
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
            await create_schema(self.server, database)

    async def _learn(self, session):
        system = await session.value("SELECT system_identifier FROM pg_control_system()")
        oids = dict(await session.execute("SELECT datname, oid FROM pg_database"))
        databases = {name: oids[name] for name in self.mode.sessions}
        self.world.streams = Streams(system, databases)
        if self.mode.name == "exclusive":
            name = "stream_exclusive"
            query = f"SELECT 1 FROM pg_settings WHERE name = 'fraiseql_nats.{name}'"
            if await session.execute(query):
                self.world.settings[name] = random.Random(self._seed).choice(["auto", "on"])
                self.world.configure()
                self.server.reload()

    def _start(self, coroutine):
        self._tasks.append(task := asyncio.create_task(coroutine))
        return task

    def _lanes(self, deadline):
        for name, faults in LANES.items():
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
        clients = [
            Client(self.server, database, number, self._seed, self.counts, PAUSE)
            for database, sessions in self.mode.sessions.items()
            for number in range(1, sessions + 1)
        ]
        load = [self._start(client.run()) for client in clients]
        if self.mode.has_neighbours:
            load.append(self._start(self.world.neighbour.run(random.Random(self._seed))))
        self._started = time.monotonic()
        deadline = self._started + self._options.seconds / len(self._options.modes)
        faults = [self._start(lane.run()) for lane in self._lanes(deadline)]
        # A task of the load that ends has failed, and so does what waits for it.
        await self._while_all_run(faults + [self._start(asyncio.sleep(deadline - self._started))], load)
        for worker in clients + [self.world.neighbour]:
            worker.running = False
        await asyncio.gather(*load)

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
        for database in self.mode.sessions:
            session = await self.server.connect(database)
            await finish_prepared(session, "")
            session.close()
        session = await self.server.connect("torture")
        await session.execute(
            "SET synchronous_commit = on; SELECT pg_logical_emit_message(true, 'torture', '')"
        )
        self.end_lsn = await session.value("SELECT pg_current_wal_flush_lsn()")
        session.close()
        begin = time.monotonic()
        if await self.world.until_caught_up(DRAIN_TIMEOUT):
            self.note(f"all was confirmed {time.monotonic() - begin:.1f} s after the last fault")
        else:
            watches = self.world.watches.items()
            self.not_caught_up = [f"{name}: {watch.status}" for name, watch in watches]
        for watch in self.world.watches.values():
            watch.running = False
        # What this last look counts must be all there is.
        for watch in self.world.watches.values():
            await watch.look_once()
        async with self.world.client() as client:
            await self.world.streams.take(client, self.world.neighbour)

    async def tear_down(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.server:
            await self.server.stop()
        if self._broker:
            self._broker.kill9()
        if self._proxy:
            self._proxy.stop()
        (self.logs / "faults.log").write_text("\n".join(self.journal) + "\n")
