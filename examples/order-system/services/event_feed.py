# SPDX-License-Identifier: PostgreSQL
"""Hands each new message of the stream to everybody in this process who listens.

One ordered consumer reads for all listeners: nats.py makes it anew when a message is missing, so that
each comes once and in order.
"""

import asyncio
import json
from collections import deque
from dataclasses import dataclass

from nats.js.api import ConsumerConfig, DeliverPolicy

STREAM = "fraiseql_events"
SUBJECTS = "fraiseql.>"
RECENT = 200  # messages kept for those who begin to listen
BEHIND = 10_000  # messages that a listener may be behind


@dataclass(frozen=True)
class Message:
    place: int  # in the stream
    subject: str
    event: dict


class TooSlow(Exception):
    """The listener was so far behind that it was given up."""


class EventFeed:
    def __init__(self):
        self._queues = set()
        self._recent = deque(maxlen=RECENT)
        self._last = 0  # place of the last message

    async def start(self, js):
        """What is in the stream already is not new, even if the consumer must begin anew."""
        self._last = (await js.stream_info(STREAM)).state.last_seq
        await js.subscribe(
            SUBJECTS,
            stream=STREAM,
            ordered_consumer=True,
            idle_heartbeat=1,  # second; without one for two the consumer is made anew
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=self._last + 1
            ),
            cb=self._hand_out,
        )

    @property
    def listeners(self):
        return len(self._queues)

    async def _hand_out(self, msg):
        place = msg.metadata.sequence.stream
        if place <= self._last:
            return
        self._last = place
        try:
            event = json.loads(msg.data)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            event = {"data": msg.data.decode(errors="replace")}
        message = Message(place, msg.subject, event)
        self._recent.append(message)
        for queue in list(self._queues):
            if queue.qsize() < BEHIND:
                queue.put_nowait(message)
            else:
                self._queues.discard(queue)
                queue.put_nowait(None)

    async def listen(self, after=None):
        """Yields new messages; with `after`, first those of the recent ones behind this place."""
        queue = asyncio.Queue()
        if after is not None:
            for message in self._recent:
                if message.place > after:
                    queue.put_nowait(message)
        self._queues.add(queue)
        try:
            while message := await queue.get():
                yield message
            raise TooSlow(f"more than {BEHIND} messages behind")
        finally:
            self._queues.discard(queue)
