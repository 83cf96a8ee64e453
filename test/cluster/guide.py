# SPDX-License-Identifier: PostgreSQL
"""The commands that examples/cluster/README.md prints, so that the test runs these and no others."""

import re
from pathlib import Path
from typing import NamedTuple

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "cluster"


class Step(NamedTuple):
    machine: str  # "" if the text names none
    script: str

    def swapped(self):
        """The same with the numbers of the two Postgres servers swapped."""
        return Step(_swap(self.machine), _swap(self.script))


def _swap(text):
    return re.sub(r"\b(pg[-_])([12])\b", lambda found: found[1] + "21"[int(found[2]) - 1], text)


def steps(heading):
    """Of the section of this name, in their order."""
    section = (EXAMPLE / "README.md").read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    found, text = [], ""
    for paragraph in section.strip().split("\n\n"):
        if paragraph.startswith("    "):
            where = re.search(r"\b[Oo]n `((?:pg|nats)-\d)`", text)
            script = re.sub(r"^    ", "", paragraph, flags=re.MULTILINE)
            found.append(Step(where[1] if where else "", script))
        text = paragraph
    return found
