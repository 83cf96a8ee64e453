# SPDX-License-Identifier: PostgreSQL
"""The frame of a test that starts servers of its own: temporary folder, logs, signals, verdict."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path


async def _run(name, run, logs):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, asyncio.current_task().cancel)
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{name.replace('-', '_')}."))
    try:
        return await run(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main(name, run, logs, good, bad):
    """Ends the process, with `good` or `bad`, as the coroutine function `run` of a folder says."""
    if os.geteuid() == 0:
        sys.exit(f"{name}: Postgres does not run as root; use test/setup/as-user")
    try:
        is_good = asyncio.run(_run(name, run, logs))
    except asyncio.CancelledError:
        sys.exit(f"{name}: interrupted")
    except (RuntimeError, TimeoutError) as error:
        sys.exit(f"{name}: {error}\nThe logs are in {logs}.")
    print(f"{name}: {good if is_good else bad}")
    sys.exit(0 if is_good else 1)
