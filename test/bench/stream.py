# SPDX-License-Identifier: PostgreSQL
"""The stream of the benchmarks, and a client for programs that do one thing at a time."""

import asyncio
from base64 import b64decode
from datetime import datetime, timezone

from nats_client import NatsClient, NatsError

TIMEOUT = 30  # seconds: a large stream is deleted


class Client:
    def __init__(self, port):
        self._loop = asyncio.new_event_loop()
        self._client = self._loop.run_until_complete(NatsClient.connect(port, TIMEOUT))

    def close(self):
        self._client.close()
        self._loop.close()

    def call(self, subject, **arguments):
        """A request to the JetStream API; raises what it answers as an error."""
        return self._loop.run_until_complete(self._client.api(subject, TIMEOUT, **arguments))


def parse_time(text):
    """Seconds since 1970 of a time such as 2026-01-15T10:30:00.123456789Z."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp()
    return seconds + float(f"0.{fraction or 0}")


def further_stream(number):
    """The name of a stream beside the one of the settings."""
    return f"part{number}"


class Stream:
    """The stream that all publishers of a run fill in turn, always made alike."""

    CONSUMER = "fraiseql_observer_worker"

    def __init__(self, client, name="fraiseql_events", root="fraiseql"):
        """`root`: what the subjects in it begin with."""
        self._client = client
        self.name = name
        self.root = root

    def further(self, number):
        return Stream(self._client, further_stream(number), further_stream(number))

    def delete(self):
        try:
            self._client.call(f"STREAM.DELETE.{self.name}")
        except NatsError:
            pass  # there was none

    def make_anew(self, batches=False):
        """`batches`: they are allowed, which needs nats-server 2.14."""
        self.delete()
        self._client.call(
            f"STREAM.CREATE.{self.name}",
            **({"allow_batched": True} if batches else {}),
            name=self.name,
            subjects=[f"{self.root}.>"],
            storage="file",
            num_replicas=1,
            duplicate_window=120 * 10**9,
        )
        # The extension makes this one by default, and every consumer costs the server a little.
        self._client.call(
            f"CONSUMER.DURABLE.CREATE.{self.name}.{self.CONSUMER}",
            stream_name=self.name,
            config={"durable_name": self.CONSUMER, "ack_policy": "explicit", "max_deliver": 3},
        )

    def count(self):
        return self._state()["messages"]

    def seconds(self):
        """Between the storing of the first and of the last message."""
        first, last = self.times()
        return last - first

    def times(self):
        """When the first and the last message were stored."""
        state = self._state()
        return parse_time(state["first_ts"]), parse_time(state["last_ts"])

    def last_message(self):
        """Subject, header lines and payload, as bytes."""
        message = self._client.call(f"STREAM.MSG.GET.{self.name}", last_by_subj=">")["message"]
        headers = b64decode(message["hdrs"]).partition(b"\r\n")[2][:-2]
        return message["subject"], headers, b64decode(message["data"])

    def _state(self):
        return self._client.call(f"STREAM.INFO.{self.name}")["state"]


class StreamSet:
    """Several streams, in use like one; those that hold nothing do not count."""

    def __init__(self, first, count):
        self.streams = [first] + [first.further(number) for number in range(1, count)]

    def make_anew(self, batches=False):
        for stream in self.streams:
            stream.make_anew(batches)

    def delete_further(self):
        for stream in self.streams[1:]:
            stream.delete()

    def count(self):
        return sum(stream.count() for stream in self.streams)

    def seconds(self):
        times = [stream.times() for stream in self.streams if stream.count()]
        return max(last for _, last in times) - min(first for first, _ in times)
