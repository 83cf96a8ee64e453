# SPDX-License-Identifier: PostgreSQL
"""As much of a NATS client as managing a stream takes: requests, one at a time."""

import json
import socket
from base64 import b64decode
from datetime import datetime, timezone


class NatsClient:
    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rb")
        self._requests = 0
        self._file.readline()  # INFO
        self._send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
        self._send("SUB _INBOX.bench.* 1\r\nPING\r\n")
        while self._file.readline() != b"PONG\r\n":
            pass

    def close(self):
        self._file.close()
        self._socket.close()

    def _send(self, text):
        self._socket.sendall(text.encode())

    def request(self, subject, payload=""):
        """The answer's payload; None if nobody answers on this subject."""
        self._requests += 1
        inbox = f"_INBOX.bench.{self._requests}"
        self._send(f"PUB {subject} {inbox} {len(payload.encode())}\r\n{payload}\r\n")
        while True:
            line = self._file.readline()
            if not line:
                raise ConnectionError("the NATS server has closed the connection")
            words = line.split()
            if words[0] == b"PING":
                self._send("PONG\r\n")
            elif words[0] in (b"MSG", b"HMSG"):
                body = self._file.read(int(words[-1]) + 2)[:-2]
                if words[1].decode() == inbox:
                    return None if words[0] == b"HMSG" else body.decode()

    def call(self, subject, **arguments):
        """A request to the JetStream API; raises what it answers as an error."""
        text = self.request(f"$JS.API.{subject}", json.dumps(arguments) if arguments else "")
        answer = json.loads(text) if text else {"error": {"description": "no JetStream"}}
        if "error" in answer:
            raise JetStreamError(f"{subject}: {answer['error'].get('description')}")
        return answer


class JetStreamError(Exception):
    pass


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
        except JetStreamError:
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
