# SPDX-License-Identifier: PostgreSQL
"""How much is measured: BENCH=full (the default), quick or smoke."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    rounds: int  # interleaved; the medians count
    messages: int  # drained in each
    row_sizes: tuple
    latency_seconds: int
    latency_rates: tuple
    cost_rounds: int  # short and many: how fast a disk syncs changes all the time
    cost_seconds: int
    cost_scale: int
    backlogs: tuple
    growth_messages: int
    observers: tuple
    tables: tuple
    databases: tuple
    outage_seconds: int
    streams: tuple


LEVELS = {
    "full": Level(
        rounds=3,
        messages=1_000_000,
        row_sizes=(100, 400, 1600),
        latency_seconds=10,
        latency_rates=(100, 1000, 5000),
        cost_rounds=5,
        cost_seconds=5,
        cost_scale=20,
        backlogs=(10_000, 100_000, 1_000_000, 5_000_000),
        growth_messages=200_000,
        observers=(1, 10, 100, 1000),
        tables=(1, 10, 100, 1000),
        databases=(1, 2, 4, 8),
        outage_seconds=60,
        streams=(1, 2, 4, 8),
    ),
    "quick": Level(
        rounds=2,
        messages=100_000,
        row_sizes=(100, 400, 1600),
        latency_seconds=4,
        latency_rates=(100, 1000, 5000),
        cost_rounds=2,
        cost_seconds=3,
        cost_scale=5,
        backlogs=(10_000, 100_000, 300_000),
        growth_messages=20_000,
        observers=(1, 100),
        tables=(1, 100),
        databases=(1, 4),
        outage_seconds=8,
        streams=(1, 4),
    ),
    "smoke": Level(
        rounds=1,
        messages=10_000,
        row_sizes=(400,),
        latency_seconds=2,
        latency_rates=(100,),
        cost_rounds=1,
        cost_seconds=1,
        cost_scale=1,
        backlogs=(1_000, 5_000),
        growth_messages=1_000,
        observers=(1, 10),
        tables=(1, 10),
        databases=(1, 2),
        outage_seconds=1,
        streams=(1, 2),
    ),
}
