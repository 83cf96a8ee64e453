# SPDX-License-Identifier: PostgreSQL
"""Random load, random faults, and then: is every message in the stream, once, in order?

Called by run.  The last line is "torture: N passed, N failed".
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from arena import Arena
from broker import version
from judge import Judge
from modes import MODES

TREE = Path(__file__).resolve().parents[2]
LOGS = TREE / "build" / "torture" / "log"


async def torture(options, work):
    for mode in options.modes:
        logs = LOGS / mode.name
        logs.mkdir(parents=True)
        arena = Arena(mode, options, work / mode.name, logs)
        failed_before = Judge.failed
        try:
            await arena.run()
            await Judge(arena).judge()
        except Exception:
            print_journal(arena)
            raise
        finally:
            await arena.tear_down()
        if Judge.failed > failed_before:
            print_journal(arena)


def print_journal(arena):
    print("\n  what happened when, in seconds:")
    for line in arena.journal:
        print(f"  {line}")


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True, help="of load and faults")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 10**6))
    parser.add_argument("--disk", help="a small disk for the broker, which may be filled")
    parser.add_argument("--without", action="append", default=[], help="a fault to leave out")
    parser.add_argument("--batches", action="store_true", help="messages in batches: nats-server 2.14")
    parser.add_argument("--only", choices=[mode.name for mode in MODES])
    options = parser.parse_args()
    able = [mode for mode in MODES if mode.nats <= version()]
    options.modes = [m for m in MODES if options.only == m.name] or able
    for mode in MODES:
        if mode in options.modes or options.only:
            continue
        print(f"not in this run: {mode.title}; it needs a nats-server {mode.nats[0]}.{mode.nats[1]}")
    return options


def main():
    options = parse_options()
    shutil.rmtree(LOGS, ignore_errors=True)
    again = f"make torture SECONDS={options.seconds:g} SEED={options.seed}{' BATCHES=1' * options.batches}"
    print(again, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="torture.") as work:
        asyncio.run(torture(options, Path(work)))
    if Judge.failed:
        print(f"once more: {again}; logs are in {LOGS.relative_to(TREE)}")
    print(f"torture: {Judge.passed} passed, {Judge.failed} failed")
    return 1 if Judge.failed else 0


if __name__ == "__main__":
    sys.exit(main())
