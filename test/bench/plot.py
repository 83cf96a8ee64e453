# SPDX-License-Identifier: PostgreSQL
"""Results as an SVG picture: panels of horizontal bars."""

from html import escape

from table import number

WIDTH = 860
LABELS = 250  # width of the text on the left
VALUES = 110  # and of that on the right
BAR = 13
GAP = 9  # between groups
COLOURS = ("#9aa5b1", "#2f6fb0", "#e0862f", "#5b9f5f")


class Panel:
    """Groups of bars on one scale: {group: {series: value}}."""

    def __init__(self, title, unit):
        self.title = title
        self.unit = unit
        self.groups = {}

    def add(self, group, series, value):
        self.groups.setdefault(group, {})[series] = value

    def series(self):
        return list(dict.fromkeys(name for bars in self.groups.values() for name in bars))

    def height(self):
        return 62 + sum(len(bars) * BAR + GAP for bars in self.groups.values())

    def draw(self, top):
        """Yields SVG elements."""
        names = self.series()
        colours = dict(zip(names, COLOURS))
        yield text(12, top + 22, self.title, "bold")
        left = LABELS
        for name in names if len(names) > 1 else ():
            yield bar(left, top + 32, 10, colours[name])
            yield text(left + 14, top + 42, name)
            left += 30 + 7 * len(name)
        largest = max(value for bars in self.groups.values() for value in bars.values())
        y = top + 54
        for group, bars in self.groups.items():
            yield text(LABELS - 8, y + len(bars) * BAR / 2 + 4, group, anchor="end")
            for name, value in bars.items():
                width = max(1, value / largest * (WIDTH - LABELS - VALUES))
                yield bar(LABELS, y + 1, width, colours[name])
                yield text(LABELS + width + 6, y + 11, f"{number(value)} {self.unit}")
                y += BAR
            y += GAP


def bar(x, y, width, colour):
    return f'<rect x="{x}" y="{y:.0f}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>'


def text(x, y, content, weight="normal", anchor="start"):
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def drain_panel(rows):
    panel = Panel("Draining a backlog: messages stored per second", "/s")
    for row in rows:
        if row["section"] == "drain" and row["unit"] == "messages/s":
            panel.add(row["case"], row["measure"], row["value"])
    return panel


def decode_panel(rows):
    panel = Panel("Decoding alone: changes per second", "/s")
    for row in rows:
        if row["section"] == "decode":
            name = row["measure"].removeprefix("pg_recvlogical with ")
            panel.add(row["case"], name, row["value"])
    return panel


def latency_panel(rows):
    panel = Panel("From commit to stored", "ms")
    for row in rows:
        measure, _, quantile = row["measure"].partition(", ")
        if measure == "commit to stored" and quantile != "max":
            panel.add(row["case"], quantile, row["value"])
    return panel


def cost_panel(rows):
    panel = Panel("pgbench beside it: transactions per second, to those without the library", "")
    for row in rows:
        if row["section"] == "cost" and row["ratio"] is not None:
            panel.add(row["case"], row["measure"], row["ratio"])
    return panel


def growth_panel(rows):
    panel = Panel("Growth: messages stored per second", "/s")
    for row in rows:
        if row["section"] == "growth" and row["measure"] == "drain":
            panel.add(row["case"], "drain", row["value"])
    return panel


def streams_panel(rows):
    panel = Panel("Several streams of one database: messages stored per second, in all", "/s")
    for row in rows:
        if row["section"] == "streams" and row["measure"] in ("drain", "bare publishers"):
            panel.add(row["case"], row["measure"], row["value"])
    return panel


def plot(report):
    makers = (drain_panel, decode_panel, latency_panel, cost_panel, growth_panel, streams_panel)
    panels = [panel for make in makers if (panel := make(report["rows"])).groups]
    elements = []
    top = 0
    for panel in panels:
        elements += panel.draw(top)
        top += panel.height()
    frame = f'viewBox="0 0 {WIDTH} {top + 8}" width="{WIDTH}" height="{top + 8}"'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>']
        + ['<g font-family="sans-serif" font-size="11" fill="#222">']
        + [f'<rect width="{WIDTH}" height="{top + 8}" fill="#fff"/>']
        + elements
        + ["</g></svg>\n"]
    )
