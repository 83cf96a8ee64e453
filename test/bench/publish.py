# SPDX-License-Identifier: PostgreSQL
"""Puts a result into README.md, between its two marks, and its picture beside it (see `run`)."""

import json
import sys
from pathlib import Path

from plot import plot
from table import as_markdown

TREE = Path(__file__).resolve().parents[2]
PICTURE = Path("doc") / "performance.svg"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"


def publish(report):
    readme = TREE / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        sys.exit(f"bench: README.md has no lines {BEGIN.strip()} and {END.strip()}")
    picture = f"![messages per second, latency, cost and growth]({PICTURE})\n"
    readme.write_text(f"{before}{BEGIN}{as_markdown(report)}\n\n{picture}{END}{after}")
    (TREE / PICTURE).parent.mkdir(exist_ok=True)
    (TREE / PICTURE).write_text(plot(report))


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        publish(json.load(file))
