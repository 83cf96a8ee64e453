# SPDX-License-Identifier: PostgreSQL
"""What makes a stream let messages go.  Faults as in faults.py."""

import asyncio

from nats_client import NatsError
from streams import STREAM
from time_limit import within

# What a stream may be made with; the first keeps the last message of each subject.
LIMITS = (
    {"max_msgs_per_subject": 1},
    {"max_msgs_per_subject": 5},
    {"max_msgs": 500},
    {"max_age": int(2e9)},
    {},
)


async def insist(call):
    """Until the broker, which others kill, has done it."""
    async with within(30):
        while True:
            try:
                return await call()
            except NatsError:
                await asyncio.sleep(0.1)


async def stream_purged(world, dice):
    """All of it, a subject, or all up to a message."""

    async def purge():
        async with world.client() as client:
            last = (await client.stream_info(STREAM))["state"]["last_seq"]
            what = dice.choice(
                [
                    {},
                    {"filter": "fraiseql.kept.7"},
                    {"filter": "fraiseql.mutation.>"},
                    {"seq": max(1, last - dice.randint(0, 200))},
                    {"keep": dice.randint(1, 100)},
                ]
            )
            await client.api(f"STREAM.PURGE.{STREAM}", **what)

    world.retention_kept_last = False
    for _ in range(dice.randint(1, 3)):
        await insist(purge)
        await asyncio.sleep(dice.uniform(0, 0.5))


async def stream_limited(world, dice):
    """For some time it keeps less."""
    limits = dice.choice(
        [
            {"max_msgs": dice.randint(1, 300)},
            {"max_bytes": dice.randint(5_000, 100_000)},
            {"max_age": int(dice.uniform(0.2, 1) * 1e9)},
            {"max_msgs_per_subject": dice.randint(1, 3)},
        ]
    )

    async def limit(values):
        async with world.client() as client:
            await client.update_stream(STREAM, duplicate_window=int(1e8), **values)

    async def config():
        async with world.client() as client:
            return (await client.stream_info(STREAM))["config"]

    before = await insist(config)
    world.retention_kept_last &= "max_msgs_per_subject" in limits
    await insist(lambda: limit(limits))
    await asyncio.sleep(dice.uniform(0.5, 2))
    await insist(lambda: limit({name: before.get(name, -1) for name in limits}))


async def stop_ageing(world):
    """What the stream holds from now on, it holds until it has been read; a reader that is slower than
    messages grow old would see some of them and miss newer ones."""

    async def keep():
        async with world.client() as client:
            await client.update_stream(STREAM, max_age=0)

    await insist(keep)
