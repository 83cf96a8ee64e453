-- SPDX-License-Identifier: PostgreSQL
-- One order by one session of pgbench; every tenth is rolled back.
\set n :n + 1
BEGIN;
SELECT place_order(1 + :n % 3);
\if :n % 10 = 0
ROLLBACK;
\else
COMMIT;
\endif
