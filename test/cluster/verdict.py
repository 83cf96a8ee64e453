# SPDX-License-Identifier: PostgreSQL
"""Compares what a stream holds with the ledger, and with what the sessions were told."""

from collections import Counter
from typing import NamedTuple


class Order(NamedTuple):
    session: int
    n: int
    counter: int
    version: int
    xid: str

    @property
    def key(self):
        return self.session, self.n


class Sent(NamedTuple):
    order: Order
    position: tuple
    id: str


def problems_of(told, ledger, stream):
    """By claim, the sentences that contradict it.  `stream`: Sent, as they stand there; `told`: keys."""
    keys = Counter(sent.order.key for sent in stream)
    committed = {order.key: order for order in ledger}
    return {
        "every commit that a session was told of is in the database": _list("told", set(told) - set(committed)),
        "lost 0": _list("not in the stream", set(committed) - set(keys)),
        "twice 0": _list("there twice", [key for key, count in keys.items() if count > 1])
        + _list("twice by id", _repeated(sent.id for sent in stream)),
        "foreign 0": _list(
            "in no ledger", [sent.order for sent in stream if committed.get(sent.order.key) != sent.order]
        ),
        "order kept": _backwards("session", [(s.order.session, s.order.n) for s in stream])
        + _backwards("counter", [(s.order.counter, s.order.version) for s in stream])
        + _backwards("log", [("", s.position) for s in stream]),
    }


def _list(what, keys):
    return [f"{what}: {key}" for key in sorted(keys)]


def _repeated(values):
    return [value for value, count in Counter(values).items() if count > 1]


def _backwards(what, places):
    found, last = [], {}
    for owner, place in places:
        if owner in last and place < last[owner]:
            found.append(f"{what} {owner}: {place} stands behind {last[owner]}")
        last[owner] = place
    return found


def overlooked(told, ledger, stream):
    """Errors put in on purpose that problems_of() does not see."""
    middle = len(stream) // 2
    before, ten, behind = stream[:middle], stream[middle : middle + 10], stream[middle + 10 :]
    wrong = {
        "lost 0": before + stream[middle + 1 :],
        "twice 0": stream + ten[:1],
        "order kept": before + ten[-1:] + ten[:-1] + behind,
        "foreign 0": stream + [stream[-1]._replace(order=stream[-1].order._replace(n=0))],
    }
    seen = [claim for claim, orders in wrong.items() if problems_of(told, ledger, orders)[claim]]
    return [claim for claim in wrong if claim not in seen]
