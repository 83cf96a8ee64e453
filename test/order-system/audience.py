# SPDX-License-Identifier: PostgreSQL
"""Those who look on while orders pass: a GraphQL subscriber, and a browser with the page."""

from api import Subscriber
from api_books import SUBSCRIPTIONS, page_counts
from browser import Browser

PAGE_LISTENS = 3  # two subscriptions, and the events


class Audience:
    """A context manager."""

    def __init__(self, system, directory):
        self._system = system
        self.subscriber = Subscriber(system.client.port, *SUBSCRIPTIONS)
        self.browser = Browser(system.processes, directory)

    async def __aenter__(self):
        client, listeners = self._system.client, len(SUBSCRIPTIONS)
        await self.subscriber.__aenter__()
        if self.browser.is_there:
            await self.browser.open(f"http://127.0.0.1:{client.port}/")
            listeners += PAGE_LISTENS

        async def all_listen():
            return await client.listeners() == listeners

        await self._system.processes.wait_until("the subscriber and the page listen", all_listen)
        return self

    async def __aexit__(self, *error):
        await self.browser.close()
        await self.subscriber.__aexit__(*error)

    async def wait_until_all_is_seen(self, timeout=15):
        """Of the messages that the stream has been read for."""
        received, stream = self.subscriber.received, self._system.stream

        def has_received_all():
            return all(
                len(received[name]) >= len(stream.on(subject))
                for name, subject in SUBSCRIPTIONS.items()
            )

        async def shows_all():
            return await self.browser.counts() == await page_counts(self._system)

        wait_until = self._system.processes.wait_until
        await wait_until("the subscriber has all events", has_received_all, timeout)
        if self.browser.is_there:
            await wait_until("the page shows all", shows_all, timeout)

    async def take_picture(self, path):
        if self.browser.is_there:
            await self.browser.take_picture(path)
