# SPDX-License-Identifier: PostgreSQL
"""The table at the end of a run: what must be, what was found, and whether they agree."""

from contextlib import contextmanager


class Results:
    def __init__(self):
        self._rows = []

    def must_be(self, what, expected, found):
        self._rows.append((what, expected, found, expected == found))

    @contextmanager
    def step(self, what):
        """The line fails, and the run goes on, if what is inside cannot be done."""
        try:
            yield
        except Exception as error:
            self._rows.append((what, None, f"{type(error).__name__}: {error}", False))

    def all_ok(self):
        return bool(self._rows) and all(ok for *_, ok in self._rows)

    def __str__(self):
        width = max(len(what) for what, *_ in self._rows)
        lines = []
        for what, expected, found, ok in self._rows:
            verdict = "ok" if ok else "FAILED"
            wanted = "" if ok or expected is None else f", not {expected}"
            lines.append(f"    {what:{width}}  {verdict:6}  {found}{wanted}")
        return "\n".join(lines)
