# SPDX-License-Identifier: PostgreSQL
"""Decodes messages as FraiseQL's consumer does, which drops what it cannot decode.

Reads one payload a line from standard input, and writes a line for each: its event_type and entity_id,
or "error: " and why it would be dropped.  The struct and its rules are those of FraiseQL 2.15 to 2.19
(EntityEvent): types are strict, keys that it does not know are ignored, these may be missing or null:
changes, user_id, tenant_id, and what it adds itself.
"""

import json
import re
import sys
import uuid
from datetime import datetime

EVENT_TYPES = ("INSERT", "UPDATE", "DELETE", "CUSTOM")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Refused(ValueError):
    pass


def field(event, name):
    if name not in event:
        raise Refused(f"missing field `{name}`")
    return event[name]


def text(event, name):
    value = field(event, name)
    if not isinstance(value, str):
        raise Refused(f"invalid type of `{name}`: {value!r}")
    return value


def uuid_of(event, name):
    value = text(event, name)
    try:
        return uuid.UUID(value)
    except ValueError as error:
        raise Refused(f"UUID parsing failed: {name} {value!r}") from error


def check_changes(changes):
    if changes is None:
        return
    if not isinstance(changes, dict):
        raise Refused("invalid type of `changes`")
    for column, change in changes.items():
        if not isinstance(change, dict) or not {"old", "new"} <= change.keys():
            raise Refused(f"missing field in `changes` of {column}")


def decode(line):
    event = json.loads(line)
    if not isinstance(event, dict):
        raise Refused("invalid type")
    identity = uuid_of(event, "id")
    if identity.version != 5:
        raise Refused("`id` is no UUID of version 5")
    if text(event, "event_type") not in EVENT_TYPES:
        raise Refused(f"unknown variant `{event['event_type']}`")
    text(event, "entity_type")
    entity_id = uuid_of(event, "entity_id")
    field(event, "data")
    check_changes(event.get("changes"))
    timestamp = text(event, "timestamp")
    if not RFC3339.fullmatch(timestamp):
        raise Refused(f"timestamp {timestamp!r}")
    datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    for name in ("user_id", "tenant_id"):
        if not isinstance(event.get(name), (str, type(None))):
            raise Refused(f"invalid type of `{name}`")
    return f"{event['event_type']} {event['entity_type']} {entity_id} {identity}"


for payload in sys.stdin:
    try:
        print(decode(payload))
    except ValueError as reason:
        print(f"error: {reason}")
