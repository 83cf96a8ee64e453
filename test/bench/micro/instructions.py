# SPDX-License-Identifier: PostgreSQL
"""Counts the instructions for each message under callgrind, and compares them with what they may be.

Unlike times, they hardly depend on the machine and on what else it does: what costs more than its
budget has become slower.  Called by `run`.
"""

import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from processes import run, stop_all
from servers import BIN, Postgres

TREE = Path(__file__).resolve().parents[3]
DRIVER = TREE / "build" / "bench" / "encoder_instructions"
REPEATS = 1000
ROWS = 2000

# A twentieth to a tenth more than was measured when they were last set.  Of an event in the format
# fraiseql, 2,400 are its id: the namespace and a Nats-Msg-Id fill two blocks of SHA-1, of 900 each
# with the instructions that valgrind knows (processors have better ones).
BUDGETS = {
    "event: insert, row of 100 B": 7600,
    "event: insert, row of 400 B": 7700,
    "event: insert, row of 1.6 KB": 7800,
    "event: update with old row, 400 B": 8900,
    "JSON string, 400 B plain": 700,
    "JSON string, 400 B with quotes": 9600,
    "time": 450,
    "message id": 780,
    "subject check": 440,
    "message onto the wire, row of 400 B": 1000,
    "acknowledgement off the wire": 750,
    "acknowledgement": 380,
    "decoding: transaction of 1 row": 19100,
    "decoding: each of 1,000 rows": 18100,
}

SCHEMA = """
CREATE EXTENSION fraiseql_nats;
CREATE TABLE tb_item (
    id bigint PRIMARY KEY, pieces int, urgent boolean, customer uuid, status text,
    total numeric(12,2), due date, created_at timestamptz, details jsonb, note text);
SELECT fraiseql_nats.observe('tb_item', '{INSERT}');
CREATE PROCEDURE fill(rows_each int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0 .. %(rows)d / rows_each - 1 LOOP
        INSERT INTO tb_item
        SELECT i * rows_each + n, n %% 10, true, '550e8400-e29b-41d4-a716-446655440000', 'pending',
               i + 0.25, '2026-01-15', '2026-01-15 10:30:00.123456Z',
               '{"colour": "red", "size": [1, 2]}', repeat('A remark. ', 28)
        FROM generate_series(1, rows_each) n;
        COMMIT;
    END LOOP;
END $$;
""" % {"rows": ROWS}


def count_cases(directory):
    """Instructions of each case of the driver."""
    out = directory / "driver"
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no"]
    run(command + [f"--callgrind-out-file={out}", DRIVER, REPEATS])
    counts = {}
    for part in sorted(directory.glob("driver.*"), key=lambda path: int(path.suffix[1:])):
        text = part.read_text()
        name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        if name:
            counts[name[1]] = int(total[1]) // REPEATS
    return counts


def count_decoding(directory):
    """Instructions of the extension for each row that message_volume() decodes, within Postgres."""
    postgres = Postgres(directory / "postgres", {"shared_preload_libraries": "fraiseql_nats"})
    postgres.stop_workers()
    postgres.sql(SCHEMA)
    for slot, rows_each in (("single", 1), ("many", 1000)):
        postgres.sql(f"SELECT fraiseql_nats.create_preview_slot('{slot}', false)")
        postgres.sql(f"CALL fill({rows_each})")
        end = postgres.sql("SELECT pg_logical_emit_message(true, '', '')")
        postgres.sql("TRUNCATE tb_item")
        yield slot, end
    postgres.stop()


def decode_under_callgrind(directory, slot, end):
    """In a single-user server, the only kind that can be run by another program."""
    out = directory / slot
    query = f"SELECT messages FROM fraiseql_nats.message_volume('{slot}', '{end}')"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    command += ["--collect-atstart=no", "--toggle-collect=fraiseql_nats_message_volume"]
    command += [BIN / "postgres", "--single", "-D", directory / "postgres" / "data", "postgres"]
    answer = run(command, query + "\n")
    if f'messages = "{ROWS}"' not in answer:
        raise RuntimeError(f"message_volume() does not count {ROWS} messages:\n{answer}")
    annotate = ["callgrind_annotate", "--auto=no", "--inclusive=yes", "--threshold=100", out]
    return own_instructions(run(annotate))


def own_instructions(profile):
    """What the decoder's callbacks take, without what becomes of the messages afterwards."""

    def inclusive(function):
        lines = re.findall(rf"^ *([\d,]+) .*{re.escape(function)}\(", profile, re.M)
        return max(int(count.replace(",", "")) for count in lines)

    decoder = "fraiseql::pg::Decoder::"
    callbacks = sum(inclusive(decoder + name) for name in ("Begin", "OnChange", "Commit"))
    return (callbacks - inclusive("PreviewReceiver::Seal")) // ROWS


def count_all(directory):
    counts = count_cases(directory)
    names = ("decoding: transaction of 1 row", "decoding: each of 1,000 rows")
    slots = list(count_decoding(directory))
    for name, (slot, end) in zip(names, slots):
        counts[name] = decode_under_callgrind(directory, slot, end)
    return counts


def report(counts):
    """Prints the table; returns how many are over their budget."""
    print(f"\n{'instructions for each message':<38} {'counted':>8} {'budget':>8}")
    over = 0
    for name, budget in BUDGETS.items():
        verdict = "" if counts[name] <= budget else "OVER"
        over += verdict != ""
        print(f"{name:<38} {counts[name]:>8,} {budget:>8,}  {verdict}".rstrip())
    return over


def main():
    directory = Path(tempfile.mkdtemp(prefix="micro."))
    try:
        over = report(count_all(directory))
    finally:
        stop_all()
        shutil.rmtree(directory, ignore_errors=True)
    if over:
        sys.exit(f"bench-micro: {over} over budget")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
