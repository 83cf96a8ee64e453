# SPDX-License-Identifier: PostgreSQL
"""Proves that the comparison sees every kind of error, and takes nothing else for one."""

from changes import Changes, Message
from witness import Change

TABLE = "public.t"


def message(lsn, ordinal, row, route="", event="INSERT", unchanged=""):
    data = f'{{"event":"{event}","data":{row}{unchanged}}}'
    headers = {"Fraiseql-Position": f"0/{lsn:X}:{ordinal}{route}", "Fraiseql-Table": TABLE}
    return Message(headers, data.encode("latin-1"))


def change(row, routes=1, operation="INSERT", unlogged=()):
    return Change(operation, TABLE, routes, unlogged, row.encode("latin-1"))


RECORD = [
    ("0/10", 1, [change('{"a":1}'), change('{"a":1000.0}', 2)]),
    ("0/20", 2, []),
    ("0/30", 3, [change('{"a":3}', operation="UPDATE", unlogged=("b",))]),
]
GOOD = [
    message(0x10, 1, '{"a":1}'),
    message(0x10, 2, '{"a":1e3}'),
    message(0x10, 2, '{"a":1000.0}', ":1"),
    message(0x30, 4, '{"a":3}', event="UPDATE", unchanged=',"unchanged":["b"]'),
]
WRONG = {
    "lost": [GOOD[1:], GOOD[:-1], [GOOD[0], GOOD[1], GOOD[3]]],
    "twice": [GOOD + GOOD[-1:], GOOD[:1] + GOOD, GOOD[:3] + [message(0x10, 2, '{"a":1000}', ":2"), GOOD[3]]],
    "out of order": [[GOOD[1], GOOD[0], *GOOD[2:]], [GOOD[3], *GOOD[:3]]],
    "unexpected": [
        [*GOOD[:3], message(0x20, 1, '{"a":1}'), GOOD[3]],
        [*GOOD[:3], message(0x11, 1, '{"a":1}'), GOOD[3]],
        [*GOOD, message(0x40, 1, '{"a":1}')],
        [*GOOD, message(0x30, 5, '{"a":3}')],
    ],
    "wrong": [
        [message(0x10, 1, '{"a":2}'), *GOOD[1:]],
        [message(0x10, 1, '{"a":"1"}'), *GOOD[1:]],
        [message(0x10, 1, '{"a":1,"c":null}'), *GOOD[1:]],
        [message(0x10, 1, '{"a":"\xc3"}'), *GOOD[1:]],
        [message(0x10, 1, '{"a":1,}'), *GOOD[1:]],
        [*GOOD[:3], message(0x30, 4, "{}", event="UPDATE", unchanged=',"unchanged":["a","b"]')],
    ],
}
KINDS = ("lost", "twice", "out of order", "unexpected", "wrong")


def outcome(messages, letters=()):
    changes = Changes(letters)
    changes.compare(iter(messages), RECORD)
    return {kind for kind in KINDS if changes.counts[kind]}


def check():
    """Raises if it does not."""
    assert not outcome(GOOD), outcome(GOOD)
    for kind, streams in WRONG.items():
        for number, messages in enumerate(streams):
            found = outcome(messages)
            assert kind in found, f"{kind}, {number}: seen as {found}"
    assert outcome(GOOD[1:], [("0/10:1", "")]) == {"wrong"}, "a dead letter of a good row"
