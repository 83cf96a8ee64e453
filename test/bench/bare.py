# SPDX-License-Identifier: PostgreSQL
"""The bare publisher: what this machine's JetStream takes from a program with nothing else to do."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from processes import run


@dataclass
class Published:
    rate: float  # messages per second, from the first stored to the last
    publisher_us: float  # processor time for each message


def publish_bare(bench, count, publishers=1, subjects=1):
    """Publishes messages like the last one in the stream into an empty one.

    Each of the publishers, all at the same time, sends an equal part of them, in turn to as many
    subjects, which differ in the number of the table.
    """
    subject, headers, payload = bench.stream.last_message()
    lines = [line for line in headers.split(b"\r\n") if line and b"Nats-Msg-Id:" not in line]
    (bench.directory / "headers").write_bytes(b"\r\n".join(lines) + b"\r\n")
    (bench.directory / "payload").write_bytes(payload)
    bench.stream.make_anew()
    command = [bench.program("bare_publisher"), bench.nats.url]
    command += [re.sub(r"\d+", "*", subject), subjects]
    command += [bench.directory / "headers", bench.directory / "payload", count // publishers]
    with ThreadPoolExecutor(publishers) as pool:
        times = list(pool.map(run, [command] * publishers))
    if bench.stream.count() != count:
        raise RuntimeError(f"the stream holds {bench.stream.count()} messages instead of {count}")
    return Published((count - 1) / bench.stream.seconds(), sum(map(float, times)) / publishers)
