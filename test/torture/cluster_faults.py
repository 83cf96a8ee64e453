# SPDX-License-Identifier: PostgreSQL
"""What happens to a cluster of three servers, one of them at a time.  Faults as in faults.py."""

import asyncio

from nats_client import NatsError
from streams import STREAM

MOST_SECONDS = 30


async def _one(world, dice):
    """The leader of the stream, or any."""
    leader = await world.broker.leader()
    return leader if leader is not None and dice.random() < 0.7 else dice.randrange(3)


async def _until_whole(world):
    """So that no two are away at a time: what only those two have stored would be waited for."""
    try:
        await world.broker.until_whole(MOST_SECONDS)
    except TimeoutError:
        world.wrong_ends.append("a cluster is not whole long after all of its servers were started")


async def node_killed(world, dice):
    node = world.broker.nodes[await _one(world, dice)]
    node.kill9()
    await asyncio.sleep(dice.choice([0, 0.5, 2]))
    await node.start()
    await _until_whole(world)


async def node_stands_still(world, dice):
    node = world.broker.nodes[await _one(world, dice)]
    node.suspend()
    await asyncio.sleep(dice.uniform(0.5, 3))
    node.resume()
    await _until_whole(world)


async def nodes_restarted(world, dice):
    """One after the other, as for an upgrade."""
    for number in dice.sample(range(3), 3):
        node = world.broker.nodes[number]
        await node.stop()
        await node.start()
        await _until_whole(world)


async def leader_steps_down(world, dice):
    for _ in range(dice.randint(1, 3)):
        try:
            async with world.client() as client:
                await client.api(f"STREAM.LEADER.STEPDOWN.{STREAM}")
        except NatsError:
            pass
        await asyncio.sleep(dice.uniform(0.1, 1))
