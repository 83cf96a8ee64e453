-- What commits is published, in the order written; what is rolled back is not.
SELECT fraiseql_nats.create_preview_slot('regress_transactions');
CREATE TABLE t (id int PRIMARY KEY);
SELECT fraiseql_nats.observe('t', format => 'row');
BEGIN;
INSERT INTO t VALUES (1);
ROLLBACK;
BEGIN;
INSERT INTO t VALUES (2);
SAVEPOINT a;
INSERT INTO t VALUES (3);
SAVEPOINT b;
INSERT INTO t VALUES (4);
ROLLBACK TO b;
INSERT INTO t VALUES (5);
RELEASE a;
SAVEPOINT c;
INSERT INTO t VALUES (6);
ROLLBACK TO c;
SELECT fraiseql_nats.publish('x.rolled_back', 'never') IS NOT NULL;
ROLLBACK TO c;
INSERT INTO t VALUES (7);
COMMIT;
DO $$
BEGIN
    INSERT INTO t VALUES (8);
    BEGIN
        INSERT INTO t VALUES (9), (8);
    EXCEPTION WHEN unique_violation THEN
        INSERT INTO t VALUES (10);
    END;
END $$;
SELECT * FROM shown();
-- one commit time and one xid to a transaction, ordinals in the order written
BEGIN;
INSERT INTO t VALUES (11);
DELETE FROM t WHERE id = 2;
SELECT fraiseql_nats.publish('x.y', 'between') IS NOT NULL;
INSERT INTO t VALUES (12);
COMMIT;
SELECT split_part(position, ':', 2) AS ordinal, subject,
       count(*) OVER (PARTITION BY headers ->> 'Fraiseql-Xid', headers ->> 'Fraiseql-Commit-Time',
                      split_part(position, ':', 1)) AS alike
FROM fraiseql_nats.messages('regress_transactions', advance => true);
DROP TABLE t;
