# SPDX-License-Identifier: PostgreSQL
"""Who looks at a database, again and again, while its server comes and goes."""

import asyncio

from postgres import ConnectionLost, SqlError


class Looker:
    """Subclasses say what to look at, in _look(session), and what is void without a session."""

    def __init__(self, server, database):
        self._server = server
        self._database = database
        self.running = True

    async def run(self):
        session = None
        while self.running:
            await asyncio.sleep(0.1)
            try:
                session = session or await self._server.connect(self._database)
                await self._look(session)
            except (ConnectionLost, SqlError):
                session = None
                self._lose()
        if session:
            session.close()

    def _lose(self):
        pass
