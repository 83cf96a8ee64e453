# SPDX-License-Identifier: PostgreSQL
"""The primary and its Patroni are killed, and nobody does anything."""

import asyncio
import time

from by_hand import SESSIONS, kill_each_nats_server, start_nats
from guide import steps
from load import SCHEMA, Load
from stage import NATS, POSTGRES, Stage

FILES = {name: {f"{name}.conf": ""} for name in NATS} | {
    name: {"patroni.yml": "", "drop-old-slots": ""} for name in POSTGRES
}
ETCD = (
    "exec etcd --name {name} --data-dir /var/lib/etcd/data --unsafe-no-fsync"
    " --listen-client-urls http://{address}:2379 --advertise-client-urls http://{name}:2379"
    " --listen-peer-urls http://{address}:2380 --initial-advertise-peer-urls http://{name}:2380"
    " --initial-cluster " + ",".join(f"{name}=http://{name}:2380" for name in NATS)
)
ROLES = """
CREATE ROLE shop LOGIN PASSWORD 'change-me';
CREATE DATABASE shop OWNER shop;
"""


class ByPatroni:
    def __init__(self, directory, report):
        self.stage, self.load = Stage(directory, FILES), Load(SESSIONS)
        self._report = report

    async def play(self):
        await self._set_up()
        await self._lose_primary("pg-1", "pg-2")
        await self._lose_primary("pg-2", "pg-1")
        return "pg-1"

    def _start(self, name):
        step = steps("With Patroni")[0]
        step = step.swapped() if name == "pg-2" else step
        self.stage.machines[name].spawn(step.script, "postgres", self.stage.log(f"patroni-{name}"))

    async def _set_up(self):
        await start_nats(self.stage)
        for name in NATS:
            program = ETCD.format(name=name, address=self.stage.address(name))
            self.stage.machines[name].spawn(program, "etcd", self.stage.log(f"etcd-{name}"))
        self._start("pg-1")
        await self.stage.until_sql("pg-1", "NOT pg_is_in_recovery()", "Patroni has made a primary", "postgres")
        await asyncio.to_thread(self.stage.sql, "pg-1", ROLES, "postgres")
        await asyncio.to_thread(self.stage.sql, "pg-1", "CREATE EXTENSION fraiseql_nats")
        await asyncio.to_thread(self.stage.sql, "pg-1", SCHEMA)
        self.load.start()
        self._start("pg-2")
        await self._until_standby("pg-1", "pg-2")
        self._report.check("the cluster stands")

    async def _until_standby(self, primary, standby):
        """The standby may be promoted: Patroni takes it for synchronous, and it has the slot."""
        in_sync = "count(*) > 0 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
        await self.stage.until_sql(primary, in_sync, f"{standby} is synchronous", most=180)
        ready = "bool_and(synced AND NOT temporary AND invalidation_reason IS NULL)"
        of_workers = "FROM pg_replication_slots WHERE failover"
        await self.stage.until_sql(standby, f"{ready} {of_workers}", f"{standby} has the slot", most=180)

    async def _lose_primary(self, old, new):
        moment = time.time()
        self.stage.machines[old].lose_power()
        await self._report.goes_on(self.stage, f"{old} and its Patroni killed", moment)
        moment = time.time()
        self._start(old)
        await self._until_standby(new, old)
        self._report.check(f"{old} back as a standby with the slot after {time.time() - moment:.1f} s")
