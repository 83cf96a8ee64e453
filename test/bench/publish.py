# SPDX-License-Identifier: PostgreSQL
"""Puts a result into doc/performance.md, between its two marks, and its picture beside it (see `run`)."""

import json
import sys
from pathlib import Path

from plot import plot
from table import as_markdown

TREE = Path(__file__).resolve().parents[2]
PICTURE = Path("doc") / "performance.svg"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"


def publish(report):
    page = TREE / "doc" / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"bench: doc/performance.md has no lines {BEGIN.strip()} and {END.strip()}")
    picture = f"![messages per second, latency, cost and growth]({PICTURE.name})\n"
    page.write_text(f"{before}{BEGIN}{as_markdown(report)}\n\n{picture}{END}{after}")
    (TREE / PICTURE).parent.mkdir(exist_ok=True)
    (TREE / PICTURE).write_text(plot(report))


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        publish(json.load(file))
