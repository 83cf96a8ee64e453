# SPDX-License-Identifier: PostgreSQL
"""What the streams held that there were."""

from comparison import to_record

STREAM = "fraiseql_events"
HEAD = 2000  # messages


class Streams:
    """The streams there were, one after the other: what they held when they were deleted."""

    def __init__(self, system, databases, lets_go):
        """`lets_go`: messages are taken away, by limits and purges."""
        self._system = system
        self._databases = {oid: name for name, oid in databases.items()}
        self._lets_go = lets_go
        self._head = {}  # messages of the present stream, by sequence
        self.records = {name: [] for name in databases}
        self.lost_by_broker = []  # sentences
        self.last_sequence = 0  # of the stream that was taken last

    async def remember_head(self, client):
        """The first messages, in case the server drops them to make room.

        It should not, of a stream that discards new messages; but where max_bytes is reached, older
        servers (2.9.10, for one) store a message that does not quite fit and drop the oldest.
        """
        self._head = {m.sequence: m async for m in client.read_stream(STREAM, HEAD)} | self._head

    async def take(self, client, neighbour):
        """Reads the present stream, which is about to be deleted, or the last."""
        stream = {name: [] for name in self.records}
        neighbours, last = set(), 0
        async for message in client.read_stream(STREAM):
            for missing in range(last + 1, message.sequence):
                if missing in self._head:
                    self._enter(self._head[missing], stream, neighbours)
                elif not self._lets_go:
                    self.lost_by_broker.append(f"message {missing} has gone")
            last = message.sequence
            self._enter(message, stream, neighbours)
        self.last_sequence = (await client.stream_info(STREAM))["state"]["last_seq"]
        for name, records in stream.items():
            self.records[name].append(records)
        missing = neighbour.stored - neighbours
        self.lost_by_broker += [f"neighbour's message {number} is missing" for number in missing]
        neighbour.stored.clear()
        self._head.clear()

    def _enter(self, message, stream, neighbours):
        if "Neighbour" in message.headers:
            neighbours.add(int(message.headers["Neighbour"]))
            return
        origin = message.headers.get("Fraiseql-Origin") or message.headers["Nats-Msg-Id"]
        system, oid, *_ = origin.split(".")
        if system != self._system:
            raise RuntimeError(f"message {message.sequence} is of nobody here")
        stream[self._databases[oid]].append(to_record(message))
