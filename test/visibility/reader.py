#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""Reads the row of each event at once, and counts the rows that are not there.

    reader.py NATS_PORT CONNINFO COUNT [TIMEOUT_SECONDS]

Subscribes to fraiseql.mutation.Seen.INSERT, prints "ready", and for each message looks for the row in
tb_seen by the id in it, in a new snapshot.  After COUNT messages prints "COUNT read, N missed".
"""

import ctypes
import re
import socket
import sys
import time

TUPLES_OK = 2


class Postgres:
    """A connection by libpq, which is wherever psql is."""

    def __init__(self, conninfo):
        self.pq = ctypes.CDLL("libpq.so.5")
        for name in ("PQconnectdb", "PQexecPrepared", "PQprepare"):
            getattr(self.pq, name).restype = ctypes.c_void_p
        self.connection = ctypes.c_void_p(self.pq.PQconnectdb(conninfo.encode()))
        if self.pq.PQstatus(self.connection) != 0:
            sys.exit("cannot connect to Postgres")
        statement = b"SELECT 1 FROM tb_seen WHERE id = $1::bigint"
        self.pq.PQclear(ctypes.c_void_p(self.pq.PQprepare(self.connection, b"s", statement, 1, None)))

    def has(self, row_id):
        values = (ctypes.c_char_p * 1)(row_id)
        result = ctypes.c_void_p(
            self.pq.PQexecPrepared(self.connection, b"s", 1, values, None, None, 0))
        if self.pq.PQresultStatus(result) != TUPLES_OK:
            sys.exit("the query has failed")
        found = self.pq.PQntuples(result) == 1
        self.pq.PQclear(result)
        return found


def messages(port, timeout):
    """Payloads of the messages, as they come."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.settimeout(timeout)
    lines = connection.makefile("rb")
    lines.readline()  # INFO
    connection.sendall(b'CONNECT {"verbose":false,"headers":true}\r\n'
                       b"SUB fraiseql.mutation.Seen.INSERT 1\r\nPING\r\n")
    while True:
        line = lines.readline()
        if line.startswith(b"PONG"):
            print("ready", flush=True)
        elif line.startswith(b"PING"):
            connection.sendall(b"PONG\r\n")
        elif line.startswith(b"HMSG") or line.startswith(b"MSG"):
            yield lines.read(int(line.split()[-1]) + 2)
        elif not line:
            sys.exit("the NATS server has closed the connection")


def main():
    port, conninfo, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    timeout = float(sys.argv[4]) if len(sys.argv) > 4 else 60
    postgres = Postgres(conninfo)
    read = missed = 0
    deadline = time.monotonic() + timeout
    for payload in messages(port, timeout):
        row_id = re.search(rb'"data":\{"id":(\d+)', payload).group(1)
        missed += not postgres.has(row_id)
        read += 1
        if read == count:
            break
        if time.monotonic() > deadline:
            sys.exit(f"only {read} messages within {timeout} s")
    print(f"{read} read, {missed} missed", flush=True)


main()
