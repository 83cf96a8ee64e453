# SPDX-License-Identifier: PostgreSQL
"""The lanes in which faults come: one after the other in a lane, lanes side by side."""

import asyncio
import random
import time


class Tally:
    """What became of the faults of one kind."""

    def __init__(self):
        self.injected = 0
        self.survived = 0
        self.longest = 0.0  # seconds from the end of the fault until all was confirmed again


class Lane:
    """Draws from a deck of faults, so that each has its turn, even if time is over before."""

    def __init__(self, name, faults, world, dice, deadline, tallies, journal):
        self._faults = faults
        self._world = world
        self._dice = dice
        self._deadline = deadline
        self._tallies = tallies
        self._journal = journal
        self._is_network = name == "network"

    async def run(self):
        deck, drawn = [], 0
        while drawn < len(self._faults) or time.monotonic() < self._deadline:
            deck = deck or self._dice.sample(self._faults, len(self._faults))
            fault = deck.pop()
            drawn += 1
            dice = random.Random(self._dice.random())
            # Without a network nothing else is put to the test.
            await asyncio.sleep(self._dice.uniform(0.2, 4 if self._is_network else 1.5))
            if self._is_network:
                async with self._world.network:
                    await self._inject(fault, dice)
            else:
                await self._inject(fault, dice)

    async def _inject(self, fault, dice):
        name = fault.__name__.replace("_", " ")
        tally = self._tallies.setdefault(name, Tally())
        tally.injected += 1
        self._journal(f"{name} ...")
        await fault(self._world, dice)
        self._journal(f"... {name}: over")
        self._await_survival(name, tally)

    def _await_survival(self, name, tally):
        """Survived is what all streams of all databases have caught up after."""
        left = [len(self._world.watches)]

        def caught_up(seconds):
            left[0] -= 1
            tally.longest = max(tally.longest, seconds)
            if left[0] == 0:
                tally.survived += 1

        for watch in self._world.watches.values():
            watch.when_caught_up(caught_up)
