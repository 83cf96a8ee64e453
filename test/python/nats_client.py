# SPDX-License-Identifier: PostgreSQL
"""A small NATS and JetStream client."""

import asyncio
import itertools
import json

from time_limit import seconds, within

BATCH = 2000


class NatsError(Exception):
    """No answer, or a refusal; `code` is JetStream's error code, if it gave one."""

    def __init__(self, text, code=0):
        super().__init__(text)
        self.code = code


class Message:
    __slots__ = ("subject", "reply", "headers", "payload", "status")

    def __init__(self, subject, reply, headers, payload):
        self.subject, self.reply, self.payload = subject, reply, payload
        lines = headers.decode().split("\r\n") if headers else [""]
        self.status = lines[0][8:].strip()
        self.headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)

    @property
    def sequence(self):
        """Of a message that a consumer delivered: its place in the stream."""
        tokens = self.reply.split(".")
        return int(tokens[5] if len(tokens) == 9 else tokens[7])

    @property
    def stored_at(self):
        """The same: when it was stored, in seconds since 1970."""
        tokens = self.reply.split(".")
        return int(tokens[7] if len(tokens) == 9 else tokens[9]) / 1e9


class NatsClient:
    """One connection, used by one task at a time."""

    @classmethod
    async def connect(cls, port, timeout=5, host="127.0.0.1"):
        self = cls()
        try:
            async with within(timeout):
                self._reader, self._writer = await asyncio.open_connection(
                    host, port, limit=1 << 20
                )
                self._inbox = f"_INBOX.{id(self):x}"
                self._numbers = itertools.count(1)
                options = {"verbose": False, "headers": True, "no_responders": True, "protocol": 1}
                hello = f"CONNECT {json.dumps(options)}\r\nSUB {self._inbox}.> 1\r\n"
                self._writer.write(hello.encode())
                await self._reader.readline()  # INFO
        except (OSError, TimeoutError) as error:
            raise NatsError(f"could not connect: {error}") from None
        return self

    def close(self):
        self._writer.transport.abort()

    async def _next(self):
        """The next message of the subscription."""
        while True:
            line = await self._reader.readline()
            if not line:
                raise NatsError("connection closed")
            words = line.decode().split()
            if words[0] == "PING":
                self._writer.write(b"PONG\r\n")
            elif words[0] == "MSG":
                body = await self._reader.readexactly(int(words[-1]) + 2)
                return Message(words[1], words[3] if len(words) == 5 else "", b"", body[:-2])
            elif words[0] == "HMSG":
                head, total = int(words[-2]), int(words[-1])
                body = await self._reader.readexactly(total + 2)
                reply = words[3] if len(words) == 6 else ""
                return Message(words[1], reply, body[:head], body[head:-2])
            elif words[0] == "-ERR":
                raise NatsError(line.decode().strip())

    def _publish(self, subject, payload, reply, headers=None):
        if headers:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            block = f"NATS/1.0\r\n{lines}\r\n".encode()
            size = f"{len(block)} {len(block) + len(payload)}"
            command = f"HPUB {subject} {reply} {size}\r\n".encode() + block
        else:
            command = f"PUB {subject} {reply} {len(payload)}\r\n".encode()
        self._writer.write(command + payload + b"\r\n")

    async def request(self, subject, payload=b"", headers=None, timeout=5):
        reply = f"{self._inbox}.{next(self._numbers)}"
        try:
            async with within(timeout):
                self._publish(subject, payload, reply, headers)
                while True:
                    answer = await self._next()
                    if answer.subject == reply:
                        return answer
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise NatsError(f"no answer to {subject}: {type(error).__name__}") from None

    async def subscribe(self, subject):
        """Yields what is published from now on."""
        self._writer.write(f"SUB {subject} 2\r\n".encode())
        while True:
            yield await self._next()

    async def store(self, subject, payload, headers=None):
        """Publishes, and returns the stream's acknowledgement."""
        return _result(await self.request(subject, payload, headers))

    async def api(self, call, timeout=5, **arguments):
        payload = json.dumps(arguments).encode() if arguments else b""
        return _result(await self.request(f"$JS.API.{call}", payload, timeout=timeout))

    async def stream_info(self, stream):
        return await self.api(f"STREAM.INFO.{stream}")

    async def update_stream(self, stream, **changes):
        config = (await self.stream_info(stream))["config"]
        return await self.api(f"STREAM.UPDATE.{stream}", **{**config, **changes})

    async def pull(self, stream, consumer, request, most, timeout):
        """Yields what a pull consumer delivers for one request."""
        reply = f"{self._inbox}.{next(self._numbers)}"
        self._publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", request, reply)
        for _ in range(most):
            message = await asyncio.wait_for(self._next(), seconds(timeout))
            if message.status[:3] in ("404", "408"):
                return
            if message.status:
                raise NatsError(f"reading {stream}: {message.status}")
            yield message

    async def read_stream(self, stream, most=None):
        """Yields the messages that the stream holds now, in order; at most so many."""
        state = (await self.stream_info(stream))["state"]
        left, end = state["messages"], state["last_seq"]
        if most is not None:
            left, end = min(left, most), 0
        if left == 0 and end == 0:
            return
        config = {"deliver_policy": "all", "ack_policy": "none", "replay_policy": "instant"}
        made = await self.api(f"CONSUMER.CREATE.{stream}", stream_name=stream, config=config)
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{made['name']}"
        last = 0
        # nats-server 2.9 may count fewer than it holds, after it was killed.
        while left > 0 or (last < end and await self._holds_behind(stream, last)):
            reply = f"{self._inbox}.{next(self._numbers)}"
            wanted = max(1, min(BATCH, left))
            self._publish(subject, json.dumps({"batch": wanted, "expires": int(20e9)}).encode(), reply)
            for _ in range(wanted):
                try:
                    message = await asyncio.wait_for(self._next(), seconds(10))
                except TimeoutError:
                    if await self._holds_behind(stream, last):
                        raise
                    return  # the rest has grown too old meanwhile
                if message.status:
                    raise NatsError(f"reading {stream}: {message.status}")
                last = message.sequence
                yield message
            left -= wanted
        await self.api(f"CONSUMER.DELETE.{stream}.{made['name']}")

    async def _holds_behind(self, stream, sequence):
        try:
            await self.api(f"STREAM.MSG.GET.{stream}", seq=sequence + 1, next_by_subj=">")
            return True
        except NatsError:
            return False


def _result(answer):
    if answer.status:
        raise NatsError(f"status {answer.status}", int(answer.status.split()[0]))
    result = json.loads(answer.payload)
    if "error" in result:
        error = result["error"]
        raise NatsError(error.get("description", ""), error.get("err_code", error.get("code")))
    return result
