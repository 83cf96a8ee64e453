# SPDX-License-Identifier: PostgreSQL
"""Every machine is killed, and an administrator does what examples/cluster/README.md says."""

import asyncio
import time

from guide import steps
from load import SCHEMA, Load, write_now
from stage import NATS, Stage, until

SESSIONS = 6
COMMON = {"postgresql.conf": "", "pg_hba.conf": "pg_hba", "alone.conf": "alone"}
FILES = {name: {f"{name}.conf": ""} for name in NATS} | {
    "pg-1": COMMON | {"primary.conf": ""},
    "pg-2": COMMON | {"standby.conf": ""},
}
START = "pg_ctl start --log /var/log/postgresql/cluster.log"


async def start_nats(stage):
    # Servers that call each other at the very same moment may take one another to be offline, for minutes.
    for name in NATS:
        stage.start_nats(name)
        await until(f"{name} answers", lambda: stage.has_server(name))
    await until("there is room for three replicas", stage.has_room)


async def kill_each_nats_server(stage, report):
    """In turn, the next one when the last has caught up: two of three must be there."""
    for name in NATS:
        await until("the stream has three replicas", stage.is_whole)
        moment = time.time()
        stage.machines[name].lose_power()
        await report.goes_on(stage, f"{name} killed", moment)
        moment = time.time()
        stage.start_nats(name)
        await report.goes_on(stage, f"{name} back", moment)
    await until("the stream has three replicas", stage.is_whole)


class ByHand:
    def __init__(self, directory, report):
        self.stage, self.load = Stage(directory, FILES), Load(SESSIONS)
        self._report = report

    async def play(self):
        await self._set_up()
        await kill_each_nats_server(self.stage, self._report)
        await self._lose_standby()
        await self._lose_standby_for_long()
        await self._lose_primary(swapped=False)
        await self._lose_primary(swapped=True)
        return "pg-1"

    async def _do(self, step):
        return await asyncio.to_thread(self.stage.do, step)

    async def _set_up(self):
        self.stage.give_passwords()
        await start_nats(self.stage)
        await self._do(steps("The primary")[1])
        await asyncio.to_thread(self.stage.sql, "pg-1", SCHEMA)
        self.load.start()
        await self._add_standby(swapped=False)
        self._report.check("the cluster stands, by the commands of the README")

    async def _add_standby(self, swapped):
        for step in self._steps("A standby", swapped)[:2]:
            await self._do(step)
        await self._until_ready(swapped)

    @staticmethod
    def _steps(heading, swapped):
        return [step.swapped() if swapped else step for step in steps(heading)]

    async def _until_ready(self, swapped):
        look = self._steps("A standby", swapped)[2]

        async def is_ready():
            slots = (await self._do(look)).split()
            return slots and all(slot.endswith("|t") for slot in slots)

        await until("the standby has the slot", is_ready)

    async def _nothing_is_published_without_standby(self):
        """Neither of what a session waits for, nor of what one does not."""
        moment = time.time()
        await asyncio.to_thread(write_now)
        waits = "reason = 'the standbys do not have the log yet' FROM fraiseql_nats.status()"
        await self.stage.until_sql("pg-1", waits, "status() says what it waits for")
        is_newer = await self.stage.newest() > moment
        self._report.check("nothing is published that the standby does not have", ["it is"] * is_newer)

    async def _lose_standby(self):
        self.stage.machines["pg-2"].lose_power()
        await self._nothing_is_published_without_standby()
        moment = time.time()
        await asyncio.to_thread(self.stage.machines["pg-2"].run, START)
        await self._report.goes_on(self.stage, "standby killed, and back", moment)

    async def _lose_standby_for_long(self):
        self.stage.machines["pg-2"].lose_power()
        moment = time.time()
        await self._do(steps("The standby has died")[0])
        await self._report.goes_on(self.stage, "standby killed, and done without", moment)
        await asyncio.to_thread(self.stage.machines["pg-2"].run, START)
        moment = time.time()
        await self._do(steps("A standby")[1])
        await self._report.goes_on(self.stage, "standby waited for again", moment)
        await self._until_ready(swapped=False)

    async def _lose_primary(self, swapped):
        old, new = ("pg-2", "pg-1") if swapped else ("pg-1", "pg-2")
        moment = time.time()
        self.stage.machines[old].lose_power()
        await self._do(self._steps("The primary has died", swapped)[0])
        await self._report.goes_on(self.stage, f"{old} killed, {new} promoted by hand", moment)
        await self._add_standby(not swapped)
        await self._report.goes_on(self.stage, f"{old} back as a standby", time.time())
