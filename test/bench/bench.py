# SPDX-License-Identifier: PostgreSQL
"""Measures the extension against a real Postgres and a real nats-server.  Called by `run`.

Environment: BENCH (full, quick or smoke), SECTIONS (some of their names; all without it).
"""

import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import cost
import decode
import drain
import growth
import latency
import outage
import streams
from levels import LEVELS
from machine import program
from plot import plot
from processes import Stopwatch, run, stop_all
from results import Results
from servers import BIN, NatsServer, Postgres
from stream import Client, Stream
from table import as_text

TREE = Path(__file__).resolve().parents[2]
RESULTS = TREE / "test" / "bench" / "results"
SECTIONS = {
    "drain": drain,
    "decode": decode,
    "latency": latency,
    "cost": cost,
    "growth": growth,
    "outage": outage,
    "streams": streams,
}


class Bench:
    """What the sections share: servers, the stream, how much to measure, what came out."""

    def __init__(self, directory, level):
        self.directory = directory
        self.level = level
        self.results = Results()
        self._watch = Stopwatch()
        self._section = ""
        self.nats = NatsServer(directory / "nats")
        self.postgres = Postgres(directory / "postgres", self.publishing_settings())
        self.postgres.stop_workers()
        self.can_be_exclusive = self.postgres.setting("fraiseql_nats.stream_exclusive") is not None
        # A setting that is younger than the library may be, and a server that is.
        has_header = self.postgres.setting("fraiseql_nats.message_id_header") is not None
        self.can_batch = has_header and self.nats.version >= (2, 14)
        self.stream = None
        self.connect_stream()

    def connect_stream(self):
        """Again after the broker was away."""
        self.stream = Stream(Client(self.nats.port))

    def publishing_settings(self):
        return {"shared_preload_libraries": "fraiseql_nats", "fraiseql_nats.url": self.nats.url}

    @staticmethod
    def program(name):
        return TREE / "build" / "bench" / name

    def run_sections(self, names):
        for name in names:
            self._section = name
            os.sync()  # what one section leaves to be written would hold up the commits of the next
            SECTIONS[name].run_section(self)

    def say(self, text):
        print(f"{self._watch.seconds():6.0f} s  {self._section}: {text}", file=sys.stderr)


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "postgres": run([BIN / "postgres", "--version"]).split()[2],
        "nats-server": run([program("nats-server"), "--version"]).split()[1].lstrip("v"),
        "load average": round(os.getloadavg()[0], 2),
    }


def choose_sections():
    names = os.environ.get("SECTIONS", "").split() or list(SECTIONS)
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.exit(f"bench: no section {unknown[0]}; there are: {', '.join(SECTIONS)}")
    return names


def choose_level():
    name = os.environ.get("BENCH") or "full"
    if name not in LEVELS:
        sys.exit(f"bench: no level {name}; there are: {', '.join(LEVELS)}")
    return name


def show_logs(directory):
    for log in directory.glob("*/log"):
        lines = log.read_text(errors="replace").splitlines(True)
        print(f"The end of {log}:\n{''.join(lines[-20:])}", file=sys.stderr)


def write(report):
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = time.strftime("%Y%m%d-%H%M%S")
    for path in (RESULTS / f"{name}.json", RESULTS / "latest.json"):
        path.write_text(json.dumps(report, indent=1) + "\n")
    for path in (RESULTS / f"{name}.svg", RESULTS / "latest.svg"):
        path.write_text(plot(report))
    print(f"\nwritten: test/bench/results/{name}.json and .svg, and as latest")


def main():
    level, names = choose_level(), choose_sections()
    report = {"level": level, "date": time.strftime("%Y-%m-%d"), "machine": machine()}
    directory = Path(tempfile.mkdtemp(prefix="bench."))
    watch = Stopwatch()
    try:
        bench = Bench(directory, LEVELS[level])
        bench.run_sections(names)
    except Exception:
        show_logs(directory)
        raise
    finally:
        stop_all()
        shutil.rmtree(directory, ignore_errors=True)
    report.update(bench.results.as_dict(), seconds=round(watch.seconds()))
    print(as_text(report))
    write(report)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
