# SPDX-License-Identifier: PostgreSQL
"""The bare publisher: what this machine's JetStream takes from a program with nothing else to do."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from processes import run
from stream import StreamSet


@dataclass
class Published:
    rate: float  # messages per second, from the first stored to the last
    publisher_us: float  # processor time for each message


def publish_bare(bench, count, publishers=1, subjects=1, streams=1):
    """Publishes messages like the last one in the stream into an empty one.

    Each of the publishers, all at the same time, sends an equal part of them, in turn to as many
    subjects, which differ in the number of the table.  With several streams each has its publisher.
    """
    target = StreamSet(bench.stream, streams)
    subject, headers, payload = bench.stream.last_message()
    lines = [line for line in headers.split(b"\r\n") if line and b"Nats-Msg-Id:" not in line]
    (bench.directory / "headers").write_bytes(b"\r\n".join(lines) + b"\r\n")
    (bench.directory / "payload").write_bytes(payload)
    target.make_anew()
    program = [bench.program("bare_publisher"), bench.nats.url]
    load = [bench.directory / "headers", bench.directory / "payload", count // publishers]
    commands = []
    for number in range(publishers):
        root = target.streams[number % streams].root
        pattern = root + re.sub(r"\d+", "*", subject.removeprefix(bench.stream.root))
        commands.append([*program, pattern, subjects, *load])
    with ThreadPoolExecutor(publishers) as pool:
        times = list(pool.map(run, commands))
    if target.count() != count:
        raise RuntimeError(f"the stream holds {target.count()} messages instead of {count}")
    rate = (count - 1) / target.seconds()
    target.delete_further()
    return Published(rate, sum(map(float, times)) / publishers)
