# SPDX-License-Identifier: PostgreSQL
"""FraiseQL's own programs: what its database needs, the compiler, and the server."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from api import Client
from machine import free_port

TREE = Path(__file__).resolve().parents[2]
EXAMPLE = TREE / "examples" / "fraiseql"
# Of the observers' migrations, those for Postgres; 07 is about a schema "app" of somebody else.
MIGRATIONS = ("01", "02", "03", "06", "08", "11", "12", "13", "14")
SERVER = "fraiseql-server"
UNDECODABLE = "NATS message failed to decode"


class Upstream:
    def __init__(self, processes, programs, directory):
        self._processes = processes
        self._programs = programs
        self._directory = directory
        self._process = None
        self.client = Client(free_port())

    def _run(self, *command):
        done = subprocess.run(
            command, cwd=self._directory, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")

    async def prepare_database(self, conn, url):
        """The change log first, which the other migrations alter."""
        self._run(self._programs / "bin" / "fraiseql-cli", "setup", "--database", url)
        for number in MIGRATIONS:
            (script,) = (self._programs / "migrations").glob(f"{number}_*.sql")
            await conn.execute(script.read_text())

    def compile(self):
        self._run(sys.executable, EXAMPLE / "schema.py", "schema.json")
        command = [self._programs / "bin" / "fraiseql-cli", "compile", EXAMPLE / "fraiseql.toml"]
        self._run(*command, "--types", "schema.json")

    async def start(self, database_url, nats_url):
        self._urls = (database_url, nats_url)
        env = {
            **os.environ,
            "DATABASE_URL": database_url + "?options=-csearch_path%3Dapi,public",
            "FRAISEQL_NATS_URL": nats_url,
            "FRAISEQL_CONFIG": str(EXAMPLE / "fraiseql.toml"),
            "FRAISEQL_SCHEMA_PATH": str(self._directory / "schema.compiled.json"),
            "FRAISEQL_BIND_ADDR": f"127.0.0.1:{self.client.port}",
            "FRAISEQL_SUBSCRIPTION_REQUIRE_AUTH": "false",
            # Without TLS, and on a loopback address: refused unless all three are there.
            "FRAISEQL_ENV": "development",
            "FRAISEQL_NATS_ALLOW_PLAINTEXT": "true",
            "FRAISEQL_OBSERVERS_ALLOW_INSECURE": "true",
            "RUST_LOG": "fraiseql_server=info,fraiseql_observers=info",
            "NO_COLOR": "1",
        }
        command = [self._programs / "bin" / SERVER]
        self._process = self._processes.start(SERVER, command, env)
        await self._processes.wait_until("FraiseQL's server answers", self.health)

    def health(self):
        """Its status: "degraded" if its consumer does not run.  None if it does not answer."""
        try:
            url = f"http://127.0.0.1:{self.client.port}/health"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)["status"]
        except OSError:
            return None

    async def kill_and_start(self, meanwhile):
        self._processes.kill9(SERVER)
        await meanwhile()
        await self.start(*self._urls)

    def undecodable(self):
        """How many messages its consumer has given up because it could not decode them."""
        return self._process.output().count(UNDECODABLE)
