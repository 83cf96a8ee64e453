# SPDX-License-Identifier: PostgreSQL
"""What was measured, and whether it is what it should be."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Optional


@dataclass
class Row:
    """One line of the table."""

    section: str
    case: str
    measure: str
    value: float
    unit: str
    ratio: Optional[float] = None  # to `of`, both of the same run; the median of the rounds'
    of: str = ""


@dataclass
class Target:
    text: str
    limit: float
    at_least: bool
    value: float  # the worst of the rows that it is about

    @property
    def met(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit


class Results:
    def __init__(self):
        self.rows = []

    def add(self, section, case, measure, value, unit, ratio=None, of=""):
        self.rows.append(Row(section, case, measure, value, unit, ratio, of))

    def find(self, section, measure, case=""):
        return [
            row
            for row in self.rows
            if row.section == section and row.measure == measure and row.case.startswith(case)
        ]

    def as_dict(self):
        return {
            "rows": [asdict(row) for row in self.rows],
            "targets": [{**asdict(target), "met": target.met} for target in self.targets()],
        }

    def targets(self):
        """Those for which there is something measured."""
        found = []

        def target(text, limit, at_least, rows, value=lambda row: row.ratio):
            values = [value(row) for row in rows if value(row) is not None]
            if values:
                worst = min(values) if at_least else max(values)
                found.append(Target(text, limit, at_least, worst))

        def itself(row):
            return row.value

        bare = "of the bare publisher"
        shared = self.find("drain", "shared stream")
        target(f"drain into a shared stream ≥ 0.90 {bare}", 0.90, True, shared)
        exclusive = self.find("drain", "exclusive stream")
        target(f"drain into an exclusive stream ≥ 1.10 {bare}", 1.10, True, exclusive)
        own_cpu = self.find("drain", "worker CPU above the bare publisher's", "400 B")
        text = "worker CPU of a 400 B message ≤ 4 µs above the library's"
        target(text, 4, False, own_cpu, itself)
        outside = self.find("decode", "message_volume()")
        target("decode + encode ≥ 4 × pg_recvlogical with wal2json", 4, True, outside)
        case = "1000/s, synchronous_commit on"
        p50 = self.find("latency", "commit to stored, p50", case)
        target("commit to stored, p50 at 1,000/s ≤ 0.6 ms", 0.6, False, p50, itself)
        p99 = self.find("latency", "commit to stored, p99", case)
        target("commit to stored, p99 at 1,000/s ≤ 5 ms", 5, False, p99, itself)
        publishing = self.find("cost", "publishing")
        target("user transactions ≥ 0.97 of those without the library", 0.97, True, publishing)
        memory = [row for row in self.rows if row.unit == "MB"]
        target("worker memory ≤ 100 MB", 100, False, memory, itself)
        growth = self.find("growth", "drain")
        target("growth within 10 % of flat", 0.90, True, growth)
        own_growth = self.find("growth", "drain / bare publisher")
        target(f"growth within 10 % of that {bare}", 0.90, True, own_growth)
        idle = self.find("streams", "CPU of each other worker")
        text = "a stream that gets nothing ≤ 0.10 of the worker CPU of one that publishes"
        target(text, 0.10, False, idle)
        return found


def medians(rounds):
    """Of a list of dictionaries with the same keys."""
    return {key: median(one[key] for one in rounds) for key in rounds[0]}
