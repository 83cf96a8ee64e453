# SPDX-License-Identifier: PostgreSQL
"""A temporary Postgres server on a Unix socket, and sessions with it."""

import asyncio
import os
import shutil
import signal
import struct
import subprocess

from time_limit import within

PORT = 5432  # of the socket's name only


class ConnectionLost(Exception):
    """The server went away; what was asked last may or may not have been done."""


class SqlError(Exception):
    def __init__(self, fields):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.code = fields.get("C", "")


class Session:
    """One connection, with the simple query protocol.  One caller at a time."""

    @classmethod
    async def connect(cls, directory, database):
        try:
            reader, writer = await asyncio.open_unix_connection(f"{directory}/.s.PGSQL.{PORT}")
        except OSError as error:
            raise ConnectionLost(str(error)) from None
        self = cls()
        self._reader, self._writer = reader, writer
        self._in_transaction = False
        words = ["user", "postgres", "database", database, "application_name", "torture", ""]
        body = struct.pack("!I", 196608) + b"".join(w.encode() + b"\0" for w in words)
        try:
            self._writer.write(struct.pack("!I", len(body) + 4) + body)
            await self._until_ready()
        except SqlError as error:  # starting up, shutting down
            self.close()
            raise ConnectionLost(str(error)) from None
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        self._writer.close()

    def _send(self, kind, body=b""):
        self._writer.write(kind + struct.pack("!I", len(body) + 4) + body)

    async def _message(self):
        try:
            kind, length = struct.unpack("!cI", await self._reader.readexactly(5))
            return kind, await self._reader.readexactly(length - 4)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ConnectionLost(str(error)) from None

    async def _until_ready(self, copy_data=None, on_copy=None):
        rows, error = [], None
        while True:
            kind, body = await self._message()
            if kind == b"D":
                rows.append(_columns(body))
            elif kind == b"d":
                on_copy(body)
            elif kind == b"G":
                self._send(b"d", copy_data)
                self._send(b"c")
            elif kind == b"E":
                error = error or SqlError(_error_fields(body))
                if error.code.startswith("57P"):  # the server is ending this session
                    raise ConnectionLost(str(error))
            elif kind == b"Z":
                self._in_transaction = body != b"I"
                if error:
                    raise error
                return rows

    async def execute(self, sql, copy_data=b"", on_copy=None):
        """Runs statements; returns all rows, as lists of strings.

        `copy_data` is what COPY FROM STDIN gets; `on_copy` is called with each line of COPY TO.
        """
        self._send(b"Q", sql.encode() + b"\0")
        return await self._until_ready(copy_data, on_copy)

    async def roll_back(self):
        if self._in_transaction:
            await self.execute("ROLLBACK")

    async def value(self, sql):
        return (await self.execute(sql))[-1][0]


def _columns(body):
    (count,) = struct.unpack_from("!H", body)
    at, columns = 2, []
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        columns.append(None if size < 0 else body[at : at + size].decode())
        at += max(size, 0)
    return columns


def _error_fields(body):
    parts = body.rstrip(b"\0").split(b"\0")
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts}


def number(lsn):
    """The number of an LSN such as 16/B374D848."""
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


class PostgresServer:
    """Started, stopped and crashed; ends with stop()."""

    def __init__(self, directory, log, settings, archives=False):
        """`archives`: the log is kept in an archive, in small files, and may be removed."""
        self.directory = directory
        self._segment = 1 << 20 if archives else 1 << 24  # bytes of a file of the log
        self._archive = directory / "archive" if archives else None
        self._data = directory / "data"
        self._log = log
        self._popen = None
        pg_config = os.environ.get("PG_CONFIG", "pg_config")
        output = subprocess.check_output([pg_config, "--bindir"], text=True)
        self._bindir = output.strip()
        directory.mkdir()
        subprocess.run(
            [f"{self._bindir}/initdb", "--pgdata", self._data, "--username", "postgres"]
            + ["--auth", "trust", "--no-locale", "--encoding", "UTF8", "--no-sync"]
            + ["--wal-segsize", str(self._segment >> 20)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        if archives:
            self._archive.mkdir()
            copy = f"cp %p {self._archive}/copy && mv {self._archive}/copy {self._archive}/%f"
            settings = {**settings, "archive_mode": "on", "archive_command": copy}
        self.configure("postgresql.conf", "a", settings)
        self.configure("torture.conf", "w", {})

    def configure(self, file, mode, settings):
        """Writes settings; torture.conf is for those that change."""
        with open(self._data / file, mode) as conf:
            for name, value in settings.items():
                conf.write(f"{name} = '{value}'\n")
            if file == "postgresql.conf":
                conf.write(f"listen_addresses = ''\nport = {PORT}\n")
                conf.write(f"unix_socket_directories = '{self.directory}'\n")
                conf.write("include = 'torture.conf'\n")

    def start(self):
        with open(self._log, "ab") as log:
            self._popen = subprocess.Popen(
                [f"{self._bindir}/postgres", "-D", self._data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def reload(self):
        # One that is about to start reads the files anyway, and the signal would end it.
        if self._popen and self._is_started():
            self._popen.send_signal(signal.SIGHUP)

    def _is_started(self):
        try:
            pid = (self._data / "postmaster.pid").read_text().split("\n")[0]
        except FileNotFoundError:
            return False
        return pid == str(self._popen.pid)

    async def stop(self, how=signal.SIGQUIT):
        """SIGQUIT stops it at once, as a crash would; SIGINT in good order."""
        if self._popen is None:
            return
        self._popen.send_signal(how)
        while self._popen.poll() is None:
            await asyncio.sleep(0.01)
        self._popen = None

    def has_died(self):
        return self._popen is not None and self._popen.poll() is not None

    async def connect(self, database):
        return await Session.connect(self.directory, database)

    async def wait_until_up(self, timeout=60):
        async with within(timeout):
            while True:
                try:
                    return (await self.connect("postgres")).close()
                except ConnectionLost:
                    await asyncio.sleep(0.02)

    def _wal_file(self, lsn):
        high, low = divmod(number(lsn), 1 << 32)
        directory = self._archive or self._data / "pg_wal"
        return directory / f"{1:08X}{high:08X}{low // self._segment:08X}"

    def _archive_the_rest(self):
        for file in (self._data / "pg_wal").glob("0000*"):
            if len(file.name) == 24 and not (self._archive / file.name).exists():
                shutil.copy(file, self._archive)

    def commits(self, start, end):
        """The commit LSN of each transaction that has one, as the server's own reader of the log,
        pg_waldump, sees them."""
        if self._archive:
            self._archive_the_rest()
        command = [f"{self._bindir}/pg_waldump", "--rmgr", "Transaction"]
        command += ["--start", start, "--end", end]
        # Without names of files it may look at one that is not yet written.
        command += [self._wal_file(start), self._wal_file(end)]
        commits = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waldump:
            for line in waldump.stdout:
                # ... tx: 741, lsn: 0/0152D0A8, prev 0/0152D070, desc: COMMIT 2026-...
                # ... tx: 0, lsn: 0/0152D0A8, prev 0/0152D070, desc: COMMIT_PREPARED 741: 2026-...
                if "desc: COMMIT" in line:
                    fields = line.split("tx:", 1)[1].split(",", 2)
                    prepared = line.partition("desc: COMMIT_PREPARED ")[2].partition(":")[0]
                    commits[int(prepared or fields[0])] = number(fields[1].split()[1])
        if waldump.returncode != 0:
            raise RuntimeError(f"pg_waldump ended with {waldump.returncode}")
        return commits
