# SPDX-License-Identifier: PostgreSQL
"""The streams of a round, and what those that there were have held."""

from comparison import id_of, to_record

STREAM = "fraiseql_events"
HEAD = 2000  # messages


def own_stream(database):
    """A further stream of the database, of which its worker is the only publisher."""
    return f"own_{database}"


class History:
    """The streams of one name, one after the other: what they held when they were deleted.

    `alias`: what the tables of the extension call it; `root`: what the subjects in it begin with."""

    def __init__(self, name, system, databases, lets_go=False):
        """`databases`: name -> OID; `lets_go`: messages are taken away, by limits and purges."""
        self.name = name
        self.is_default = name == STREAM
        self.alias = "default" if self.is_default else name
        self.root = "fraiseql" if self.is_default else name.replace("_", ".")
        self._system = system
        self._databases = {oid: name for name, oid in databases.items()}
        self._lets_go = lets_go
        self._head = {}  # messages of the present stream, by sequence
        self.records = {name: [] for name in databases}
        self.lost_by_broker = []  # sentences
        self.last_sequence = 0  # of the stream that was taken last

    @property
    def of_ledger(self):
        """A condition: which rows of the ledger are of this stream."""
        others = "split_part(subject, '.', 1) NOT IN ('own', 'passing')"
        return others if self.is_default else f"starts_with(subject, '{self.root}.')"

    async def remember_head(self, client, most=HEAD):
        """The first messages, in case the server drops them to make room.

        It should not, of a stream that discards new messages; but where max_bytes is reached, older
        servers (2.9.10, for one) store a message that does not quite fit and drop the oldest.
        """
        self._head = {m.sequence: m async for m in client.read_stream(self.name, most)} | self._head

    async def remember_all(self, client):
        """All messages; returns the first of those of which each is the last of its database."""
        newest = {}
        async for message in client.read_stream(self.name):
            self._head.setdefault(message.sequence, message)
            if "Neighbour" not in message.headers:
                newest[self._database_of(message)] = message.sequence
        return min(newest.values(), default=0)

    async def take(self, client, neighbour=None):
        """Reads the present stream, which is about to be deleted, or the last."""
        stream = {name: [] for name in self.records}
        neighbours, last = set(), 0
        async for message in client.read_stream(self.name):
            for missing in range(last + 1, message.sequence):
                if missing in self._head:
                    self._enter(self._head[missing], stream, neighbours)
                elif not self._lets_go:
                    self.lost_by_broker.append(f"message {missing} of {self.name} has gone")
            last = message.sequence
            self._enter(message, stream, neighbours)
        self.last_sequence = (await client.stream_info(self.name))["state"]["last_seq"]
        for name, records in stream.items():
            self.records[name].append(records)
        if neighbour:
            missing = neighbour.stored - neighbours
            self.lost_by_broker += [f"neighbour's message {number} is missing" for number in missing]
            neighbour.stored.clear()
        self._head.clear()

    def _enter(self, message, stream, neighbours):
        if "Neighbour" in message.headers:
            neighbours.add(int(message.headers["Neighbour"]))
            return
        stream[self._database_of(message)].append(to_record(message))

    def _database_of(self, message):
        origin = message.headers.get("Fraiseql-Origin") or id_of(message.headers)
        system, oid, *_ = origin.split(".")
        if system != self._system:
            raise RuntimeError(f"message {message.sequence} is of nobody here")
        return self._databases[oid]
