# SPDX-License-Identifier: PostgreSQL
"""Results as a table: for the terminal, and in Markdown for doc/performance.md (see `run`)."""

import json
import sys
from itertools import groupby


def number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


def compared(row):
    return f"{row['ratio']:.2f} of {row['of']}" if row["ratio"] is not None else ""


def by_case(rows):
    """Yields section, case and the rows of each."""
    for (section, case), group in groupby(rows, lambda row: (row["section"], row["case"])):
        yield section, case, list(group)


def machine_line(report):
    machine = report["machine"]
    return (
        f"{report['date']}, level {report['level']}, {machine['cores']} cores of"
        f" {machine['processor']}, Linux {machine['kernel']}, PostgreSQL {machine['postgres']},"
        f" nats-server {machine['nats-server']}"
    )


def as_text(report):
    lines = [machine_line(report), ""]
    for section, case, rows in by_case(report["rows"]):
        lines.append(f"{section}: {case}")
        for row in rows:
            value = f"{number(row['value']):>12} {row['unit']:<14}"
            lines.append(f"    {row['measure']:<38} {value} {compared(row)}".rstrip())
    lines.append("targets")
    for target in report["targets"]:
        verdict = "met" if target["met"] else "MISSED"
        lines.append(f"    {target['text']:<62} {number(target['value']):>8}  {verdict}")
    return "\n".join(lines)


def as_markdown(report):
    lines = [f"{machine_line(report)}.", "", "| | | | |", "|---|---|---:|---|"]
    for section, case, rows in by_case(report["rows"]):
        title = f"**{section}**: {case}"
        for row in rows:
            value = f"{number(row['value'])} {row['unit']}"
            lines.append(f"| {title} | {row['measure']} | {value} | {compared(row)} |")
            title = ""
    lines += ["", "| target | measured | |", "|---|---:|---|"]
    for target in report["targets"]:
        verdict = "met" if target["met"] else "**missed**"
        lines.append(f"| {target['text']} | {number(target['value'])} | {verdict} |")
    return "\n".join(lines)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(as_markdown(json.load(file)))
