# SPDX-License-Identifier: PostgreSQL
"""The tables that are printed of a round."""

OUTCOMES = ("committed", "rolled back", "failed", "cut off")


def print_faults(tallies):
    print(f"\n  {'fault':26} {'injected':>9} {'survived':>9} {'longest until all confirmed':>29}")
    for name, tally in sorted(tallies.items()):
        print(f"  {name:26} {tally.injected:9} {tally.survived:9} {tally.longest:27.1f} s")
    if "disk full" not in tallies:
        print("  disk full: not in this run; it needs a disk that may be mounted")


def print_load(counts):
    print(f"\n  {'transactions':26}" + "".join(f" {outcome:>12}" for outcome in OUTCOMES))
    for kind in sorted({kind for kind, _ in counts if kind != "unexpected"}):
        print(f"  {kind:26}" + "".join(f" {counts[kind, outcome]:12}" for outcome in OUTCOMES))
