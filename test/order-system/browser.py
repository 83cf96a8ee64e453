# SPDX-License-Identifier: PostgreSQL
"""The page of the GraphQL service in a headless Chromium, as somebody who looks at it sees it."""

import asyncio
import base64
import json
import shutil
import urllib.error
import urllib.request

import websockets

from machine import free_port

# What the page counts, by the ids of its elements.
COUNTS = ("orders", "pending", "confirmed", "shipped", "cancelled", "events", "dead")


class Browser:
    """Where there is no Chromium, `is_there` is False and nothing else may be called."""

    def __init__(self, processes, directory):
        self.program = shutil.which("chromium")
        self._processes = processes
        self._directory = directory
        self._socket = None
        self._last_id = 0

    @property
    def is_there(self):
        return self.program is not None

    async def open(self, url):
        port = free_port()
        # No sandbox: in containers there is often none to be had, and the page is ours.
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        options += ["--no-first-run", "--disable-background-networking", "--window-size=1200,940"]
        options += [f"--user-data-dir={self._directory}", f"--remote-debugging-port={port}"]
        self._processes.start("chromium", [self.program, *options, url])
        pages = []

        async def has_opened():
            pages[:] = await asyncio.to_thread(read_pages, port, url)
            return pages

        await self._processes.wait_until("Chromium has opened the page", has_opened)
        self._socket = await websockets.connect(pages[0], max_size=None)

    async def close(self):
        if self._socket:
            await self._socket.close()

    async def _command(self, method, **parameters):
        self._last_id += 1
        command = {"id": self._last_id, "method": method, "params": parameters}
        await self._socket.send(json.dumps(command))
        while True:
            answer = json.loads(await self._socket.recv())
            if answer.get("id") == self._last_id:
                return answer["result"]

    async def counts(self):
        """What the page shows now."""
        script = f"""JSON.stringify({json.dumps(COUNTS)}.map(
            (id) => Number(document.getElementById(id)?.textContent)))"""
        answer = await self._command("Runtime.evaluate", expression=script)
        return dict(zip(COUNTS, json.loads(answer["result"]["value"])))

    async def take_picture(self, path):
        answer = await self._command("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


def read_pages(port, url):
    """The debugging addresses of the pages with this URL."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=5) as answer:
            targets = json.load(answer)
    except (OSError, urllib.error.URLError):
        return []
    return [target["webSocketDebuggerUrl"] for target in targets if target["url"] == url]
