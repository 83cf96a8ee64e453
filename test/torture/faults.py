# SPDX-License-Identifier: PostgreSQL
"""The faults of the server, of the broker and of the network between them.

A fault is a coroutine function of the world and the lane's dice; when it returns, what it has broken
is whole again.  Its name, with spaces, is what the table calls it.
"""

import asyncio
import os
import signal

from broker import version
from nats_client import NatsError
from postgres import ConnectionLost, SqlError

MOST_SECONDS = 15  # to catch up while other faults go on

# --- The server ---------------------------------------------------------------------------------


async def worker_killed(world, dice):
    """kill -9; Postgres then restarts all of its processes."""
    database = dice.choice(list(world.databases))
    await world.server.wait_until_up()
    async with world.no_crash():
        for _ in range(100):
            try:
                session = await world.server.connect("template1")
                rows = await session.execute(
                    "SELECT pid FROM pg_stat_activity"
                    f" WHERE backend_type = 'fraiseql_nats worker' AND datname = '{database}'"
                )
                session.close()
                if rows:
                    os.kill(int(dice.choice(rows)[0]), signal.SIGKILL)
                    break
            except (ConnectionLost, SqlError):
                pass
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        await world.server.wait_until_up()


async def server_stopped_at_once(world, dice):
    async with world.no_crash():
        await world.server.stop(signal.SIGQUIT)
        await asyncio.sleep(dice.choice([0, 0, dice.uniform(0.5, 2)]))
        world.server.start()
        await world.server.wait_until_up()


async def server_restarted(world, dice):
    async with world.no_crash():
        await world.server.stop(signal.SIGINT)
        world.server.start()
        await world.server.wait_until_up()


async def configuration_reloaded(world, dice):
    choices = {
        "window_messages": [64, 1000, 4096],
        "window_bytes": ["64kB", "1MB", "16MB"],
        "ack_timeout": ["500ms", "1s", "3s"],
        "reconnect_delay_max": ["100ms", "1s"],
        "connect_timeout": ["500ms", "2s"],
        "url": [f"nats://127.0.0.1:1,{world.proxy.url}", "nats://127.0.0.1:1"],
        "confirm_delay": ["10ms", "300ms", "5s"],
        "enabled": ["off", "on"],
        "databases": ["torture", "nobody"],
        "window_message": ["a setting that does not exist"],
    }
    for _ in range(dice.randint(1, 4)):
        names = dice.sample(list(choices), dice.randint(1, 3))
        world.configure(**{name: dice.choice(choices[name]) for name in names})
        world.server.reload()
        await asyncio.sleep(dice.uniform(0.05, 0.8))
    world.configure()
    world.server.reload()


# --- The broker ---------------------------------------------------------------------------------


async def broker_killed(world, dice):
    world.broker.kill9()
    await asyncio.sleep(dice.choice([0, 0.5, 2, 4]))  # the de-duplication window is 1 s
    await world.broker.start()


async def broker_stands_still(world, dice):
    """SIGSTOP, longer than ack_timeout."""
    world.broker.suspend()
    await asyncio.sleep(1 + dice.uniform(0.2, 2.5))
    world.broker.resume()


async def stream_full(world, dice):
    """It discards new messages; then it has room again."""
    history = dice.choice(world.histories)
    async with world.no_crash():
        await fill(world, dice, history)
        await asyncio.sleep(dice.uniform(0.5, 3))
        await make_room(world, history.name)
        await world.until_caught_up(MOST_SECONDS)


async def fill(world, dice, history):
    async with world.still_stream(history.name) as client:
        state = (await client.stream_info(history.name))["state"]
        room = dice.randint(0, 300)
        limits = dice.choice(
            [
                {"max_msgs": max(1, state["messages"]) + room},
                {"max_bytes": max(1, state["bytes"]) + room * 500},
            ]
        )
        await history.remember_head(client)
        await client.update_stream(history.name, discard="new", **limits)


async def make_room(world, stream):
    async with world.client() as client:
        await client.update_stream(stream, max_msgs=-1, max_bytes=-1)

async def stream_deleted(world, dice):
    """With all that it holds; somebody makes it again, or the worker does."""
    history = dice.choice(world.histories)
    stream = history.name
    async with world.no_crash():
        async with world.still_stream(stream) as client:
            config = (await client.stream_info(stream))["config"]
            await history.take(client, world.neighbour if history.is_default else None)
            await client.api(f"STREAM.DELETE.{stream}")
            by_hand = dice.random() < 0.5
            if by_hand and dice.random() < 0.5:
                await client.api(f"STREAM.CREATE.{stream}", **config)
        if by_hand:
            await asyncio.sleep(dice.uniform(0, 1))
            async with world.client() as client:
                try:
                    await client.api(f"STREAM.CREATE.{stream}", **config)
                except NatsError:  # the worker was faster, with other settings
                    pass
        await world.until_caught_up(MOST_SECONDS)


async def disk_full(world, dice):
    """The broker's disk; afterwards the broker is restarted if it has given up JetStream, or the stream:
    from 2.14 on, one that could not be written takes nothing until then."""
    filler = world.broker.store / "filler"
    async with world.no_crash():
        fill_disk(filler)
        await asyncio.sleep(dice.uniform(0.5, 3))
        filler.unlink(missing_ok=True)
        if version() >= (2, 14) or not await world.broker.answers():
            world.broker.kill9()
            await world.broker.start()
        await world.until_caught_up(MOST_SECONDS)


def fill_disk(path):
    disk = os.statvfs(path.parent)
    most = disk.f_bavail * disk.f_bsize - (8 << 20)  # the broker goes on writing meanwhile
    with open(path, "wb", buffering=0) as file:
        if most > 0:
            os.posix_fallocate(file.fileno(), 0, most)
        try:
            file.seek(0, os.SEEK_END)
            while file.write(b"\0" * (1 << 16)):
                pass
        except OSError:
            pass


# --- The network between them ---------------------------------------------------------------------


async def connection_cut(world, dice):
    for _ in range(dice.randint(1, 5)):
        world.proxy.cut()
        await asyncio.sleep(dice.uniform(0, 0.3))


async def network_gone(world, dice):
    """Every connection is reset, for some time."""
    world.proxy.cut(refuse=True)
    await asyncio.sleep(dice.uniform(0.5, 3))
    world.proxy.heal()


async def network_slow(world, dice):
    world.proxy.slow_down(dice.uniform(0.005, 0.1), dice.choice([100, 1000, 10_000]))
    await asyncio.sleep(dice.uniform(1, 3))
    world.proxy.heal()


async def half_open(world, dice):
    """Connections look alive, but nothing comes through any more; one end may be closed."""
    world.proxy.hold(close_server_side=dice.random() < 0.5)
    await asyncio.sleep(dice.uniform(0.5, 4))
    if dice.random() < 0.5:
        world.proxy.cut()
    world.proxy.heal()
