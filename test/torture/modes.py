# SPDX-License-Identifier: PostgreSQL
"""The rounds of a run: what each has, and the faults that come in it."""

from typing import NamedTuple

import buckets
import cluster_faults
import faults
import limit_faults
import passing
import session_faults
import slot_faults
import stream_faults

SERVER = [
    faults.worker_killed,
    faults.server_stopped_at_once,
    faults.server_restarted,
    faults.configuration_reloaded,
]
NETWORK = [faults.connection_cut, faults.network_gone, faults.network_slow, faults.half_open]
BROKER = [
    faults.broker_killed,
    faults.broker_stands_still,
    faults.stream_full,
    faults.stream_deleted,
    faults.disk_full,
]
SESSIONS = [
    session_faults.tables_locked,
    session_faults.own_tables_locked,
    session_faults.tables_altered,
    session_faults.tables_rewritten,
    session_faults.rows_backfilled,
    session_faults.dead_letters_retried,
]
DOOMS = ("large row", "large message", "not taken", "no subject")
# The first error of a value ends the worker, and what it has counted goes with it.
ALL_DOOMS = (*DOOMS, "not encoded")


class Mode(NamedTuple):
    name: str
    title: str
    sessions: dict  # database -> how many sessions change it
    has_neighbours: bool
    lanes: dict  # name -> faults
    share: float  # of the time
    dooms: tuple = ALL_DOOMS
    loses_slots: bool = False
    lets_go: bool = False  # the stream has limits and is purged
    is_cluster: bool = False
    has_streams: bool = False  # several of each database, see streams.sql
    nats: tuple = (2, 9)  # the oldest version of nats-server of which it can be asked


MODES = (
    Mode(
        "shared",
        "a stream that others write to",
        {"torture": 5, "second": 2},
        True,
        {"server": SERVER, "broker": BROKER, "network": NETWORK, "sessions": SESSIONS},
        0.3,
        DOOMS,
    ),
    Mode(
        "exclusive",
        "a stream of its own",
        {"torture": 7},
        False,
        {"server": SERVER, "broker": BROKER, "network": NETWORK, "sessions": SESSIONS},
        0.25,
    ),
    Mode(
        "slots",
        "slots that are lost",
        {"torture": 4, "second": 2},
        False,
        {
            "server": SERVER[:3],
            "broker": BROKER[:2],
            "network": [faults.connection_cut],
            "sessions": [session_faults.rows_backfilled],
            "slots": [slot_faults.slot_dropped, slot_faults.slot_invalidated],
        },
        0.15,
        loses_slots=True,
    ),
    Mode(
        "limits",
        "a stream that lets messages go",
        {"torture": 6},
        False,
        {
            "server": SERVER,
            "broker": BROKER[:2],
            "network": NETWORK,
            "sessions": [session_faults.dead_letters_retried, session_faults.own_tables_locked],
            "limits": [limit_faults.stream_purged, limit_faults.stream_limited],
        },
        0.15,
        lets_go=True,
    ),
    Mode(
        "streams",
        "several streams of each database",
        {"torture": 4, "second": 2},
        True,
        {
            "server": SERVER,
            "broker": [
                *BROKER[:2],
                faults.stream_deleted,
                stream_faults.one_stream_stuck,
                stream_faults.one_stream_purged,
            ],
            "network": NETWORK[:2],
            "sessions": SESSIONS[:-1],  # what is retried may be lost with its slot
            "workers": [stream_faults.worker_ended, stream_faults.slot_of_stream_dropped],
            "streams": [
                passing.stream_comes_and_goes,
                stream_faults.stream_altered,
                buckets.table_truncated,
                buckets.bucket_filled,
            ],
        },
        0.2,
        (*DOOMS, "large message for own"),
        loses_slots=True,
        has_streams=True,
    ),
    Mode(
        "cluster",
        "three servers that replicate the stream",
        {"torture": 5},
        False,
        {
            "server": SERVER[:3],
            "broker": [
                cluster_faults.node_killed,
                cluster_faults.node_stands_still,
                cluster_faults.nodes_restarted,
                cluster_faults.leader_steps_down,
            ],
            "network": [faults.connection_cut],
            "sessions": [session_faults.rows_backfilled],
        },
        0.15,
        is_cluster=True,
        # Leaders of older ones that are killed may lose what they have acknowledged.
        nats=(2, 10),
    ),
)
