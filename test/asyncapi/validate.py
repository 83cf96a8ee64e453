#!/usr/bin/python3
# SPDX-License-Identifier: PostgreSQL
"""Checks a document of AsyncAPI 3.0, and messages against it.

Reads {"document": ..., "validate": whether the document is to be checked, too, "messages": [{"subject": ..., "headers": ..., "payload": TEXT or null}]}, and
writes as JSON:

  errors    of the document: by the official schema, references to nothing, schemas that are none
  messages  for each message, in order: "CHANNEL NAME" of every message of the document that it is,
            with nothing in it that the document does not name
  reasons   for each message, why it is none of the others
  loose     "CHANNEL NAME COLUMN": of columns whose schema takes an object that is no value of them
"""

import json
import pathlib
import re
import sys
import urllib.parse

import jsonschema

FORMATS = jsonschema.FormatChecker()


VALIDATORS = {}


def validator(schema, prepare=lambda x: x):
    """Of a schema that lives as long as the document."""
    if id(schema) not in VALIDATORS:
        jsonschema.Draft7Validator.check_schema(schema)
        VALIDATORS[id(schema)] = jsonschema.Draft7Validator(prepare(schema), format_checker=FORMATS)
    return VALIDATORS[id(schema)]


def deref(document, reference):
    value = document
    for token in reference.removeprefix("#/").split("/"):
        value = value[urllib.parse.unquote(token).replace("~1", "/").replace("~0", "~")]
    return value


def closed(schema):
    """The schema, with no property that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: closed(value) for name, value in schema.items()}
    if "properties" in result and "type" in result:
        result["additionalProperties"] = False
    return result


def without_id(schema):
    """Without what it says of properties "$id", which jsonschema 4.10 takes for the names of schemas."""
    if isinstance(schema, list):
        return [without_id(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: without_id(value) for name, value in schema.items() if name != "$id"}


def document_errors(document):
    official = without_id(json.loads(pathlib.Path(__file__).with_name("asyncapi-3.0.0.json").read_text()))
    errors = [f"{list(error.absolute_path)}: {error.message}"[:500] for error in
              jsonschema.Draft7Validator(official, format_checker=FORMATS).iter_errors(document)]
    for name, operation in document["operations"].items():
        channel = deref(document, operation["channel"]["$ref"])
        if channel is not document["channels"][name]:
            errors.append(f"operation {name} is of another channel")
        found = [id(deref(document, message["$ref"])) for message in operation["messages"]]
        if sorted(found) != sorted(map(id, channel["messages"].values())):
            errors.append(f"operation {name} does not have the messages of its channel")
        used = set(re.findall(r"{([^}]*)}", channel["address"]))
        if used != set(channel.get("parameters", {})):
            errors.append(f"parameters of {name} are not those of its address")
    return errors


def fits(channel, subject):
    pattern = ""
    for part in re.split(r"({[^}]*})", channel["address"]):
        if part == "{key}":
            pattern += ".+"
        elif part.startswith("{"):
            values = channel["parameters"][part[1:-1]].get("enum")
            pattern += "(" + "|".join(values) + ")" if values else "[^.]+"
        else:
            pattern += re.escape(part)
    return re.fullmatch(pattern, subject) is not None


def why_not(message, spec):
    """Why the message is not what the document says; an empty list: it is."""
    errors = [f"header {error.message}" for error in validator(spec["headers"]).iter_errors(message["headers"])]
    errors += [f"header {name} is missing in the schema" for name in message["headers"]
               if name not in spec["headers"]["properties"] and not name.startswith("Nats-Expected-")]
    if spec.get("payload") == {}:
        return errors
    if not message["payload"] or "payload" not in spec:
        return errors + (["payload"] if message["payload"] or "payload" in spec else [])
    payload = json.loads(message["payload"])
    return errors + [f"{list(error.absolute_path)}: {error.message}"[:300] for error in
                     validator(spec["payload"], closed).iter_errors(payload)]


def loose_columns(spec):
    """The columns whose schemas take what is no value of any type."""
    schema = spec.get("payload", {})
    if "timestamp" in schema.get("properties", {}):
        schema = schema["properties"]["data"]
    for column, value in schema.get("properties", {}).items():
        if set(value) - {"description"} and validator(value).is_valid({"no": "such value"}):
            yield column


def main():
    given = json.load(sys.stdin)
    document = given["document"]
    result = {"errors": document_errors(document) if given["validate"] else [], "messages": [], "reasons": [], "loose": []}
    for channel_name, channel in document["channels"].items():
        for name, spec in channel["messages"].items():
            result["loose"] += [f"{channel_name} {name} {column}" for column in loose_columns(spec)]
    for message in given["messages"]:
        names, reasons = [], []
        for channel_name, channel in document["channels"].items():
            if not fits(channel, message["subject"]):
                continue
            for name, spec in channel["messages"].items():
                reason = why_not(message, spec)
                if reason:
                    reasons.append(f"{channel_name} {name}: {'; '.join(reason)}")
                    continue
                names.append(f"{channel_name} {name}")
        result["messages"].append(sorted(names))
        result["reasons"].append(reasons)
    json.dump(result, sys.stdout)


main()
