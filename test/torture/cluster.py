# SPDX-License-Identifier: PostgreSQL
"""Three nats-servers that replicate a stream, behind a proxy each; in use like one Broker and one Proxy."""

import asyncio
import json

from broker import Broker
from machine import free_port
from nats_client import NatsClient, NatsError
from proxy import Proxy
from streams import STREAM
from time_limit import within

NODES = 3


class Cluster:
    """As broker.Broker, of three; kill9() and the like concern all of them."""

    def __init__(self, directory, store, log, max_payload):
        directory.mkdir()
        ports = [free_port() for _ in range(NODES)]
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
        self.nodes, self._monitors = [], [free_port() for _ in range(NODES)]
        for number, port in enumerate(ports, 1):
            # Without no_advertise, clients would be told of ways around the proxies.
            more = (
                f"server_name: node{number}\n"
                f'cluster {{ name: torture, listen: "127.0.0.1:{port}", routes: [{routes}],'
                " no_advertise: true }\n"
                f'http: "127.0.0.1:{self._monitors[number - 1]}"\n'
            )
            folder = store / f"node{number}"
            folder.mkdir()
            path = directory / f"node{number}"
            node_log = log.with_name(f"nats-server{number}.log")
            self.nodes.append(Broker(path, folder, node_log, 0, max_payload, more))
        self.store = store

    @property
    def ports(self):
        return [node.port for node in self.nodes]

    async def start(self):
        for node in self.nodes:
            node.spawn()
        async with within(60):
            while not await self.answers():
                await asyncio.sleep(0.1)

    async def answers(self):
        """Whether JetStream does, that is, whether the cluster has a leader."""
        return all([await node.answers() for node in self.nodes])

    async def connect(self):
        for node in self.nodes:
            try:
                return await NatsClient.connect(node.port, timeout=1)
            except NatsError:
                continue
        raise NatsError("no server of the cluster can be reached")

    async def leader(self):
        """The number of the stream's leader; None: there is none now."""
        try:
            client = await self.connect()
        except NatsError:
            return None
        try:
            info = await client.api(f"STREAM.INFO.{STREAM}", timeout=2)
        except NatsError:
            return None
        finally:
            client.close()
        name = (info.get("cluster") or {}).get("leader") or ""
        return int(name.removeprefix("node")) - 1 if name.startswith("node") else None

    async def until_whole(self, most=60):
        """All replicas hold what the leader holds."""
        async with within(most):
            while not await self._is_whole():
                await asyncio.sleep(0.1)

    async def _is_whole(self):
        try:
            client = await self.connect()
        except NatsError:
            return False
        try:
            cluster = (await client.api(f"STREAM.INFO.{STREAM}", timeout=2)).get("cluster") or {}
        except NatsError:
            return False
        finally:
            client.close()
        replicas = cluster.get("replicas") or []
        return (
            bool(cluster.get("leader"))
            and len(replicas) == NODES - 1
            and all(r.get("current") and not r.get("offline") for r in replicas)
        )

    async def stores(self, most=10):
        """What each server says of its own copy of the stream, as soon as they say the same."""
        for _ in range(10 * most):
            stores = await asyncio.gather(*map(_store, self._monitors))
            if len(set(stores)) == 1:
                break
            await asyncio.sleep(0.1)
        return stores

    def has_unread(self):
        return any(node.has_unread() for node in self.nodes)

    def allow_payload(self, size):
        for node in self.nodes:
            node.allow_payload(size)

    def kill9(self):
        for node in self.nodes:
            node.kill9()


async def _store(monitor):
    reader, writer = await asyncio.open_connection("127.0.0.1", monitor)
    try:
        writer.write(b"GET /jsz?streams=1 HTTP/1.0\r\n\r\n")
        answer = json.loads((await reader.read()).split(b"\r\n\r\n", 1)[1])
    finally:
        writer.close()
    for account in answer["account_details"]:
        for stream in account["stream_detail"]:
            if stream["name"] == STREAM:
                return "messages {first_seq} to {last_seq}, {bytes} bytes".format(**stream["state"])
    return "none"


class Proxies:
    """As proxy.Proxy, one for each server; what is done to one is done to all."""

    def __init__(self, ports):
        self._proxies = [Proxy(port) for port in ports]

    async def start(self):
        for proxy in self._proxies:
            await proxy.start()

    @property
    def url(self):
        return ",".join(proxy.url for proxy in self._proxies)

    def __getattr__(self, name):
        """stop, cut, slow_down, hold, heal."""

        def do(*arguments, **options):
            for proxy in self._proxies:
                getattr(proxy, name)(*arguments, **options)

        return do
