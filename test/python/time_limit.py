# SPDX-License-Identifier: PostgreSQL
"""How long a test waits before it says that it waited in vain."""

import asyncio
import os
import sys


def _factor():
    text = os.environ.get("TEST_TIME_FACTOR") or "1"
    try:
        factor = float(text)
    except ValueError:
        factor = 0
    if not 1 <= factor <= 100:
        sys.exit(f'TEST_TIME_FACTOR is "{text}": it must be a number from 1 to 100')
    return factor


_FACTOR = _factor()


def seconds(limit):
    """The limit for this machine: one that is slow, or busy, takes TEST_TIME_FACTOR=3."""
    return limit * _FACTOR


def within(limit):
    """Ends what it surrounds after so many seconds, times the factor, with TimeoutError."""
    return asyncio.timeout(seconds(limit))
