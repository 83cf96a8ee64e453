# SPDX-License-Identifier: PostgreSQL
"""The three servers of the order system, temporary, on 127.0.0.1: NATS, Redis and Postgres."""

import os
import signal
import subprocess

import asyncpg
import nats
import redis.asyncio as redis_client

from machine import free_port, program


async def answers(connect):
    try:
        connection = await connect
    except (OSError, nats.errors.Error, redis_client.RedisError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


async def ignore(_):
    pass


async def start_nats(processes, directory):
    """Returns the URL."""
    directory.mkdir()
    port = free_port()
    config = directory / "nats.conf"
    # Room for the max_bytes of fraiseql-observer.toml, whatever the size of the disk.
    config.write_text(f"""\
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{directory}", max_file_store: 20GB }}
""")
    processes.start("nats-server", [program("nats-server"), "-js", "-c", config])
    url = f"nats://127.0.0.1:{port}"

    async def is_up():
        return await answers(nats.connect(url, allow_reconnect=False, error_cb=ignore))

    await processes.wait_until("the NATS server answers", is_up)
    return url


async def start_redis(processes, directory):
    """Returns the URL."""
    directory.mkdir()
    port = free_port()
    processes.start(
        "redis-server",
        [program("redis-server"), "--bind", "127.0.0.1", "--port", str(port)]
        + ["--dir", directory, "--save", "", "--appendonly", "no"],
    )
    url = f"redis://127.0.0.1:{port}"

    async def is_up():
        async with redis_client.from_url(url) as client:
            try:
                return await client.ping()
            except redis_client.RedisError:
                return False

    await processes.wait_until("the Redis server answers", is_up)
    return url


async def start_postgres(processes, directory, settings, env):
    """Returns the URL, with {database} in place of the name."""
    directory.mkdir()
    data = directory / "data"
    pg_config = os.environ.get("PG_CONFIG", "pg_config")
    bindir = subprocess.check_output([pg_config, "--bindir"], text=True).strip()
    subprocess.run(
        [f"{bindir}/initdb", "--pgdata", data, "--username", "postgres", "--auth", "trust"]
        + ["--no-locale", "--encoding", "UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with open(data / "postgresql.conf", "a") as conf:
        for name, value in settings.items():
            conf.write(f"{name} = '{value}'\n")
        conf.write(f"listen_addresses = ''\nunix_socket_directories = '{directory}'\n")
    processes.start(
        "postgres", [f"{bindir}/postgres", "-D", data], {**os.environ, **env}, signal.SIGINT
    )
    url = f"postgresql://postgres@/{{database}}?host={directory}"

    async def is_up():
        return await answers(asyncpg.connect(url.format(database="postgres")))

    await processes.wait_until("the Postgres server answers", is_up)
    return url
