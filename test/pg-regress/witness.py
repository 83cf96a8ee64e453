# SPDX-License-Identifier: PostgreSQL
"""What the witness has seen, and what of it is to be published."""

import json
import subprocess
from typing import NamedTuple

SLOT = "witness"
OURS = ("fraiseql_nats.", "fraiseql_nats_internal.")
OBSERVERS = "fraiseql_nats.observer"
# As the extension's own: the witness speaks the server's language, with settings of a session.
SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "xmlbinary": "base64",
    "search_path": "pg_catalog,pg_temp",
}
OPERATIONS = {"I": "INSERT", "U": "UPDATE", "D": "DELETE", "T": "TRUNCATE"}


class Change(NamedTuple):
    operation: str
    table: str  # schema and name
    routes: int  # how many observers it has
    unlogged: tuple  # columns that are not in `row`
    row: bytes  # JSON; None: TRUNCATE


def create_slot(suite, database):
    command = [suite.program("pg_recvlogical"), "--create-slot", f"--slot={SLOT}"]
    command += ["--plugin=witness", f"--dbname={database}"]
    subprocess.run(command, check=True, env=suite.environment())


def record(suite, database, end, path):
    """Writes what was committed up to the LSN `end`."""
    command = [suite.program("pg_recvlogical"), "--start", f"--slot={SLOT}", f"--dbname={database}"]
    command += [f"--endpos={end}", "--no-loop", "--fsync-interval=0", f"--file={path}"]
    subprocess.run(command, check=True, env=suite.environment(**SESSION))


class Record:
    """Iterates over (commit LSN, xid, changes to be published) of the transactions, in their order.

    An observer counts from the commit of the transaction that makes it on, and until that of the one that
    removes it.  `changes` counts those of all tables.
    """

    def __init__(self, path):
        self._path = path
        self._observed = set()
        self.changes = 0

    def __iter__(self):
        with open(self._path, "rb") as file:
            changes, observers = [], []
            for line in file:
                fields = line.rstrip(b"\n").split(b"\t")
                if fields[0] == b"B":
                    lsn, xid = fields[1].decode(), int(fields[2])
                elif fields[0] == b"C":
                    for appears, oid in observers:
                        (self._observed.add if appears else self._observed.discard)(oid)
                    yield lsn, xid, changes
                    changes, observers = [], []
                else:
                    self._take(fields, changes, observers)

    def _take(self, fields, changes, observers):
        kind, oids, table, *rest = fields
        table = json.loads(table.decode())
        if table == OBSERVERS:
            # The harness calls each one by the OID of its table.
            observers.append((kind == b"I", json.loads(rest[1])["name"].encode()))
        if table.startswith(OURS):
            return
        self.changes += 1
        table_oid, *ancestors = oids.split(b",")
        unlogged, row = (), None
        if kind == b"T":
            # Who observes a partitioned table is told once of a TRUNCATE of it, and not of each partition.
            ancestors = set(ancestors) - set(rest[0].split(b","))
        else:
            unlogged, row = tuple(json.loads(rest[0])), rest[1]
        routes = sum(oid in self._observed for oid in (table_oid, *ancestors))
        if routes:
            changes.append(Change(OPERATIONS[kind.decode()], table, routes, unlogged, row))
