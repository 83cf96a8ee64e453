# SPDX-License-Identifier: PostgreSQL
"""Compares the results of two runs of the suite, and the differences with those that are explained."""

import re
import subprocess
from pathlib import Path

EXPLAINED = Path(__file__).parent / "differences"


def difference(plain, ours):
    """What is different in an output, as lines of `diff` that begin with < or >."""
    diff = subprocess.run(["diff", plain, ours], capture_output=True)
    text = diff.stdout.decode(errors="replace")
    return [line for line in text.splitlines() if line[:1] in ("<", ">")]


def explained(test):
    """Lines of differences/TEST: `#` and a reason; the lines of the difference.  A line that begins with
    ~ instead is a regular expression for any number of them."""
    path = EXPLAINED / test
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if not line.startswith("#")]


def is_explained(lines, known):
    exact = [line for line in known if not line.startswith("~")]
    patterns = [re.compile(line[1:]) for line in known if line.startswith("~")]
    if any(line not in lines for line in exact):
        return False
    return all(line in exact or any(p.fullmatch(line) for p in patterns) for line in lines)


class Differences:
    """`plain` and `ours`: the tests of each run, name -> passed; with the folders of their results."""

    def __init__(self, plain, plain_results, ours, our_results):
        self.explained, self.unexplained, self.stale = [], {}, []
        for test in sorted(plain.keys() | ours.keys()):
            if plain.get(test) and ours.get(test):
                lines = []  # both as PostgreSQL expects them
            else:
                lines = difference(plain_results / f"{test}.out", our_results / f"{test}.out")
            known = explained(test)
            if lines and known and is_explained(lines, known):
                self.explained.append(test)
            elif lines or plain.keys() ^ ours.keys() >= {test}:
                self.unexplained[test] = lines
            elif known:
                self.stale.append(test)

    @property
    def differing(self):
        return len(self.explained) + len(self.unexplained)
