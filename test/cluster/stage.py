# SPDX-License-Identifier: PostgreSQL
"""The servers of examples/cluster, each on a machine of its own, and what the test asks them."""

import asyncio
import base64
import json
import os
import re
import shutil
import socket
import time
from datetime import datetime

from guide import EXAMPLE
from machines import FOLDERS, CommandFailed, Machine
from nats_client import NatsClient, NatsError
from time_limit import within
from verdict import Order, Sent

STREAM = "fraiseql_events"
NATS = ("nats-1", "nats-2", "nats-3")
POSTGRES = ("pg-1", "pg-2")
MAJOR = os.environ["PG_MAJOR"]
PASSWORDS = "".join(f"*:*:*:{user}:change-me\n" for user in ("replicator", "rewinder", "postgres"))


def for_major(text):
    """The example is written for PostgreSQL 17."""
    return text.replace("postgresql/17", f"postgresql/{MAJOR}")


class Stage:
    """As the example has it; `own`: which of its files only some machines have."""

    def __init__(self, directory, own):
        self._directory = directory
        path = {"PATH": f"/usr/lib/postgresql/{MAJOR}/bin:{os.environ['PATH']}"}
        path["PGDATA"] = f"/var/lib/postgresql/{MAJOR}/main"
        directory.mkdir()
        # Programs of postgres must come to their own folders.
        directory.chmod(0o755)
        self.machines = {name: Machine(name, directory, path) for name in NATS + POSTGRES}
        self._client = None
        for name, files in own.items():
            for source, target in files.items():
                self.put(name, source, target)

    def put(self, machine, source, target=None):
        path = self.machines[machine].files / "etc/cluster" / (target or source)
        path.write_text(for_major((EXAMPLE / source).read_text()))
        shutil.copymode(EXAMPLE / source, path)
        shutil.chown(path.parent, "postgres", "postgres")

    def give_passwords(self):
        for name in POSTGRES:
            path = self.machines[name].files / "var/lib/postgresql/.pgpass"
            path.write_text(PASSWORDS)
            path.chmod(0o600)
            shutil.chown(path, "postgres", "postgres")

    def end(self):
        if self._client:
            self._client.close()
        for machine in self.machines.values():
            machine.end()

    def do(self, step):
        return self.machines[step.machine].run(for_major(step.script))

    @staticmethod
    def address(machine):
        return socket.gethostbyname(machine)

    def log(self, machine):
        return self._directory / f"{machine}.log"

    def start_nats(self, name):
        program = f"exec {os.environ.get('NATS_SERVER', 'nats-server')} -c /etc/cluster/{name}.conf"
        return self.machines[name].spawn(program, "nats", self.log(name))

    def sql(self, machine, text, database="shop"):
        return self.machines[machine].run(f"psql -XAtqd {database} <<'SQL'\n{text}\nSQL\n").strip()

    async def answers(self, machine, condition, database="shop"):
        try:
            return await asyncio.to_thread(self.sql, machine, f"SELECT {condition}", database) == "t"
        except CommandFailed:
            return False

    async def until_sql(self, machine, condition, what, database="shop", most=90):
        await until(what, lambda: self.answers(machine, condition, database), most)

    async def nats(self):
        """A connection with any server of the three."""
        for name in NATS:
            try:
                return await NatsClient.connect(4222, timeout=1, host=name)
            except NatsError:
                continue
        raise NatsError("no nats-server can be reached")

    async def _ask(self, call, **arguments):
        """Undefined (None) while there is no answer."""
        try:
            if self._client is None:
                self._client = await self.nats()
            return await self._client.api(call, timeout=1, **arguments)
        except NatsError as error:
            if not error.code:
                self._client = self._client and self._client.close()
            return None

    async def has_server(self, name):
        try:
            (await NatsClient.connect(4222, timeout=1, host=name)).close()
            return True
        except NatsError:
            return False

    async def has_room(self):
        """Whether the cluster makes a stream of three replicas."""
        config = {"name": "room", "subjects": ["room"], "num_replicas": 3}
        return bool(await self._ask("STREAM.CREATE.room", **config) and await self._ask("STREAM.DELETE.room"))

    async def is_whole(self):
        """Whether all three servers have what the stream holds."""
        cluster = ((await self._ask(f"STREAM.INFO.{STREAM}")) or {}).get("cluster") or {}
        replicas = cluster.get("replicas") or []
        alike = [one.get("current") and not one.get("offline") for one in replicas]
        return bool(cluster.get("leader")) and len(alike) == 2 and all(alike)

    async def newest(self):
        """When the newest order of the stream was made."""
        answer = await self._ask(f"STREAM.MSG.GET.{STREAM}", last_by_subj="fraiseql.mutation.Order.INSERT")
        if not answer:
            return 0
        data = json.loads(base64.b64decode(answer["message"]["data"]))["data"]
        return datetime.fromisoformat(data["made_at"]).timestamp()

    async def until_published_after(self, moment, most=120):
        """Waits until an order that was made after this moment is in the stream."""

        async def is_there():
            return await self.newest() > moment

        await until("publishing goes on", is_there, most)
        return time.time() - moment

    async def stream(self):
        client = await self.nats()
        messages = [message async for message in client.read_stream(STREAM)]
        sent = [self._to_sent(message) for message in messages if "Fraiseql-Table" in message.headers]
        client.close()
        return sent

    @staticmethod
    def _to_sent(message):
        data = json.loads(message.payload)["data"]
        high, low, ordinal = re.split("[/:]", message.headers["Fraiseql-Position"])[:3]
        order = Order(*(data[name] for name in Order._fields[:4]), message.headers["Fraiseql-Xid"])
        return Sent(order, (int(high, 16), int(low, 16), int(ordinal)), message.headers["Nats-Msg-Id"])

    def ledger(self, machine):
        rows = self.sql(machine, "SELECT session, n, counter, version, xid FROM ledger").splitlines()
        return [Order(*map(int, row.split("|")[:4]), row.split("|")[4]) for row in rows]

    def keep_logs(self, target):
        """Of everything, for whoever looks for what went wrong."""
        target.mkdir(parents=True, exist_ok=True)
        for path in [*self._directory.glob("*.log"), *self._directory.glob("*/var/log/**/*.log")]:
            shutil.copy(path, target / "-".join(path.relative_to(self._directory).parts))


async def until(what, condition, most=90):
    try:
        async with within(most):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"waited in vain until {what}") from None
