# SPDX-License-Identifier: PostgreSQL
"""A nats-server with JetStream that is stopped, killed and deprived of its disk."""

import asyncio
import os
import re
import signal
import subprocess
from pathlib import Path

from machine import free_port, program
from nats_client import NatsClient, NatsError
from time_limit import within


def nats_server():
    return os.environ.get("NATS_SERVER") or program("nats-server")


def version():
    """Of the nats-server, as numbers."""
    text = subprocess.check_output([nats_server(), "--version"], text=True)
    return tuple(map(int, re.search(r"(\d+)\.(\d+)", text).groups()))


class Broker:
    """`store`: a directory; `limit`: the most bytes JetStream may store, 0: what the disk has;
    `more`: further lines of its configuration."""

    def __init__(self, directory, store, log, limit=0, max_payload=1 << 20, more=""):
        self._program = nats_server()
        self.port = free_port()
        self.store = store
        self.limit = limit
        self._log = log
        self._popen = None
        directory.mkdir()
        self._config = directory / "nats.conf"
        self._more = more
        self._configure(max_payload)

    def _configure(self, max_payload):
        storage = f"max_file_store: {self.limit or 1 << 40}"
        self._config.write_text(
            f"host: 127.0.0.1\nport: {self.port}\nmax_payload: {max_payload}\n"
            f'jetstream {{ store_dir: "{self.store}", {storage} }}\n{self._more}'
        )

    def allow_payload(self, size):
        """Messages of so many bytes, at once."""
        self._configure(size)
        self._popen.send_signal(signal.SIGHUP)

    @property
    def ports(self):
        return [self.port]

    def spawn(self):
        with open(self._log, "ab") as log:
            self._popen = subprocess.Popen(
                [self._program, "-c", self._config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def start(self):
        """Returns when JetStream answers."""
        self.spawn()
        async with within(60):
            while not await self.answers():
                if self._popen.poll() is not None:
                    raise RuntimeError(f"nats-server has ended; see {self._log}")
                await asyncio.sleep(0.02)

    async def answers(self):
        try:
            client = await self.connect()
        except NatsError:
            return False
        try:
            await client.api("INFO", timeout=2)
            return True
        except NatsError:
            return False
        finally:
            client.close()

    async def connect(self):
        return await NatsClient.connect(self.port)

    def has_unread(self):
        """Whether bytes are on their way to it, or wait to be read."""
        port = f":{self.port:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_ = line.split()
            to_send, to_read = queues.split(":")
            if (local.endswith(port) and int(to_read, 16)) or (
                remote.endswith(port) and int(to_send, 16)
            ):
                return True
        return False

    def kill9(self):
        if self._popen:
            self._popen.kill()
            self._popen.wait()
            self._popen = None

    async def stop(self):
        """In good order."""
        self._popen.send_signal(signal.SIGTERM)
        while self._popen.poll() is None:
            await asyncio.sleep(0.02)
        self._popen = None

    def suspend(self):
        self._popen.send_signal(signal.SIGSTOP)

    def resume(self):
        self._popen.send_signal(signal.SIGCONT)
