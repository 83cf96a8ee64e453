# SPDX-License-Identifier: PostgreSQL
"""What the worker says the broker has lost: is it what the broker has lost?"""

import re
from typing import NamedTuple

CLAIM = "what the servers have stored they keep, or its loss is told of, and no other loss is"
SAME = "all servers hold the same stream"
TOLD = re.compile(r"(?:has lost messages|was deleted and recreated).*: it ended at (\d+)(?:, and now ends at (\d+))?")


class Loss(NamedTuple):
    """Of places of the stream."""

    left: int  # the last that is left
    end: int  # the last that is gone

    def __contains__(self, record):
        return self.left < record.sequence <= self.end


def read_told(lines):
    """Each once, though a process that has died may have told of it before."""
    ends = {}
    for line in lines:
        if "WARNING" in line and (match := TOLD.search(line)):
            left, end = int(match[2] or 0), int(match[1])
            ends[end] = min(left, ends.get(end, left))
    return [Loss(left, end) for end, left in ends.items()]


def count(told):
    return sum(loss.end - loss.left for loss in told)


def problems_of(taken_back, told):
    """`taken_back`: records that were read, and are gone; none was let go of."""
    return [
        f"message {record.sequence} is gone, and nobody has told of it"
        for record in taken_back
        if not any(record in loss for loss in told)
    ] + [
        f"messages {loss.left + 1} to {loss.end} are told to be lost, and are not"
        for loss in told
        if not any(record in loss for record in taken_back)
    ]


def overlooked(records, taken_back, told):
    """What problems_of() does not notice of errors put in on purpose, as a list of sentences."""
    if not records:
        return ["there is too little to try it with"]
    before = len(problems_of(taken_back, told))
    last = max(records, key=lambda record: record.sequence)
    beyond = last._replace(sequence=max([last.sequence] + [loss.end for loss in told]) + 10)
    errors = {
        "a loss that is not told of": (taken_back + [beyond], told),
        "one that is none": (taken_back, told + [Loss(beyond.sequence, beyond.sequence + 5)]),
    }
    return [
        f"losses, {error}: overlooked"
        for error, spoilt in errors.items()
        if len(problems_of(*spoilt)) <= before
    ]
