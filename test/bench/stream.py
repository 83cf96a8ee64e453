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


class Stream:
    """The stream that all publishers of a run fill in turn, always made alike."""

    NAME = "fraiseql_events"
    CONSUMER = "fraiseql_observer_worker"

    def __init__(self, client):
        self._client = client

    def make_anew(self):
        try:
            self._client.call(f"STREAM.DELETE.{self.NAME}")
        except NatsError:
            pass  # there was none
        self._client.call(
            f"STREAM.CREATE.{self.NAME}",
            name=self.NAME,
            subjects=["fraiseql.>"],
            storage="file",
            num_replicas=1,
            duplicate_window=120 * 10**9,
        )
        # The extension makes this one by default, and every consumer costs the server a little.
        self._client.call(
            f"CONSUMER.DURABLE.CREATE.{self.NAME}.{self.CONSUMER}",
            stream_name=self.NAME,
            config={"durable_name": self.CONSUMER, "ack_policy": "explicit", "max_deliver": 3},
        )

    def count(self):
        return self._state()["messages"]

    def seconds(self):
        """Between the storing of the first and of the last message."""
        state = self._state()
        return parse_time(state["last_ts"]) - parse_time(state["first_ts"])

    def last_message(self):
        """Subject, header lines and payload, as bytes."""
        message = self._client.call(f"STREAM.MSG.GET.{self.NAME}", last_by_subj=">")["message"]
        headers = b64decode(message["hdrs"]).partition(b"\r\n")[2][:-2]
        return message["subject"], headers, b64decode(message["data"])

    def _state(self):
        return self._client.call(f"STREAM.INFO.{self.NAME}")["state"]
