-- Subjects from templates: values become one token each.
SELECT fraiseql_nats.create_preview_slot('regress_subjects');
CREATE SCHEMA "Odd.schema";
CREATE TABLE "Odd.schema"."my table" (id int PRIMARY KEY, tenant text, n numeric);
SELECT fraiseql_nats.observe('"Odd.schema"."my table"', name => 'a', format => 'row',
    subject => 'x.{schema}.{table}.{entity}.{op}.t-{column:tenant}.{column:n}');
SELECT fraiseql_nats.observe('"Odd.schema"."my table"', name => 'b', format => 'row');
INSERT INTO "Odd.schema"."my table" VALUES (1, 'acme', 1.50), (2, 'a.b c*>%', NULL), (3, '', 0), (4, 'žluť', -1);
DELETE FROM "Odd.schema"."my table" WHERE id = 1;
SELECT subject FROM fraiseql_nats.messages('regress_subjects', advance => true);
-- too long to be a subject: said, not hidden
INSERT INTO "Odd.schema"."my table" VALUES (5, repeat('x', 3000), 1);
SELECT subject FROM fraiseql_nats.messages('regress_subjects', advance => true);
-- a setting gives the default prefix
SELECT fraiseql_nats.unobserve('a');
DROP SCHEMA "Odd.schema" CASCADE;
