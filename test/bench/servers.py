# SPDX-License-Identifier: PostgreSQL
"""The servers of one run, temporary, on 127.0.0.1: NATS and Postgres."""

import os
import re
import signal
import time
from pathlib import Path

from machine import free_port, program
from nats_client import NatsError
from processes import (
    children,
    cpu_seconds,
    peak_memory_mb,
    run,
    start,
    stop,
    wait_until,
)
from stream import Client

PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")
BIN = Path(run([PG_CONFIG, "--bindir"]).strip())
# Where Debian's packages of other plugins are, for a Postgres of another prefix.
PLUGINS = f"/usr/lib/postgresql/{run([PG_CONFIG, '--version']).split()[1].split('.')[0]}/lib"
WORKER = "fraiseql_nats worker"

SETTINGS = {
    "listen_addresses": "",
    "wal_level": "logical",
    "max_wal_size": "32GB",  # a checkpoint in one round and none in the next would be noise
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "shared_buffers": "256MB",
    "max_replication_slots": 32,
    "max_wal_senders": 8,
    "max_worker_processes": 32,
    "max_connections": 60,
    "dynamic_library_path": f"$libdir:{PLUGINS}",
}


class NatsServer:
    def __init__(self, directory):
        self._directory = directory
        self.port = free_port()
        directory.mkdir()
        # Room for the largest backlog, whatever the size of the disk.
        (directory / "conf").write_text(
            f"host: 127.0.0.1\nport: {self.port}\n"
            f'jetstream {{ store_dir: "{directory}", max_file_store: 100GB }}\n'
        )
        self._process = None
        self.start()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self._process.pid

    def start(self):
        command = [program("nats-server"), "-c", self._directory / "conf"]
        self._process = start(command, self._directory / "log")
        wait_until("the NATS server answers", self._answers)

    def _answers(self):
        try:
            client = Client(self.port)
            ready = client.call("INFO")
            client.close()
            return ready
        except NatsError:
            return False

    def stop(self):
        stop(self._process)

    @property
    def version(self):
        text = run([program("nats-server"), "--version"])
        return tuple(map(int, re.search(r"(\d+)\.(\d+)", text).groups()))

    def cpu(self):
        return cpu_seconds(self.pid)


class Postgres:
    def __init__(self, directory, settings):
        self.directory = directory
        directory.mkdir()
        data = directory / "data"
        run(
            [BIN / "initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust"]
            + ["--no-locale", "--encoding", "UTF8", "--no-sync"]
        )
        with open(data / "postgresql.conf", "a") as conf:
            for name, value in {**SETTINGS, **settings}.items():
                conf.write(f"{name} = '{value}'\n")
            conf.write(f"unix_socket_directories = '{directory}'\n")
        self._process = start([BIN / "postgres", "-D", data], directory / "log")
        wait_until("the Postgres server answers", self._answers)
        # Newer minor releases load only the plugins that are listed.
        if self.setting("output_plugin_libraries") is not None:
            self.configure(output_plugin_libraries=["fraiseql_nats", "test_decoding", "wal2json"])

    def _answers(self):
        try:
            return self.sql("SELECT 1")
        except RuntimeError:
            if self._process.poll() is not None:
                raise
            return None

    def stop(self):
        stop(self._process, signal.SIGINT)

    def options(self, database):
        return ["-h", str(self.directory), "-U", "postgres", "-d", database]

    def sql(self, text, database="postgres"):
        """The result, unaligned, without the last line end."""
        command = [BIN / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text]
        return run(command + self.options(database)).rstrip("\n")

    def setting(self, name):
        """None if there is no such setting."""
        return self.sql(f"SELECT setting FROM pg_settings WHERE name = '{name}'") or None

    def configure(self, **settings):
        """With "__" for the dot in a name; a value may be a list."""
        for name, value in settings.items():
            values = value if isinstance(value, list) else [value]
            text = ", ".join(f"'{value}'" for value in values)
            self.sql(f"ALTER SYSTEM SET {name.replace('__', '.')} = {text}")
        self.sql("SELECT pg_reload_conf()")

    # --- The extension's worker ------------------------------------------------------------------

    def workers(self):
        """Their process ids."""
        query = f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{WORKER}'"
        return [int(pid) for pid in self.sql(query).split()]

    def worker(self):
        return wait_until("the worker runs", self.workers)[0]

    def stop_workers(self):
        self.configure(fraiseql_nats__enabled="off")
        wait_until("the workers have ended", lambda: not self.workers())

    def start_workers(self, databases):
        self.configure(fraiseql_nats__databases=databases, fraiseql_nats__enabled="on")

    def memory_mb(self):
        """Most memory of any worker that runs."""
        return max(peak_memory_mb(pid) for pid in self.workers())

    # --- Processor time --------------------------------------------------------------------------

    def cpu(self):
        """Seconds of all processes of the server so far."""
        postmaster = self._process.pid
        total = cpu_seconds(postmaster, ended_children=True)
        for pid in children(postmaster):
            try:
                total += cpu_seconds(pid)
            except OSError:  # counted from now on among those that have ended
                return self._cpu_again()
        return total

    def _cpu_again(self):
        time.sleep(0.05)
        return self.cpu()
