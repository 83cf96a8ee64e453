-- What acts is for the roles that are granted it.
CREATE TABLE tb_secret (id int PRIMARY KEY);
CREATE ROLE regress_publisher IN ROLE fraiseql_nats_publisher;
CREATE ROLE regress_admin IN ROLE fraiseql_nats_admin;
SET ROLE regress_nobody;
SELECT fraiseql_nats.observe('pg_class');
SELECT fraiseql_nats.publish('a.b', 'x');
SELECT fraiseql_nats.status();
TABLE fraiseql_nats.secret;
SHOW fraiseql_nats.url;
SET ROLE regress_publisher;
SELECT fraiseql_nats.publish('a.b', 'x') IS NOT NULL;
SELECT fraiseql_nats.observe('tb_secret');
TABLE fraiseql_nats.observer;
TABLE fraiseql_nats.declared_observer;
TABLE fraiseql_nats.secret;
SET ROLE regress_admin;
TABLE fraiseql_nats.declared_observer;
DELETE FROM fraiseql_nats.declared_observer;
TABLE fraiseql_nats.secret;
-- who observes a table publishes it: that takes the right to read it
SELECT fraiseql_nats.observe('tb_secret');
RESET ROLE;
GRANT SELECT ON tb_secret TO regress_admin;
SET ROLE regress_admin;
SELECT fraiseql_nats.observe('tb_secret');
SELECT fraiseql_nats.unobserve('tb_secret');
SELECT fraiseql_nats.create_preview_slot('no');
-- streams are an administrator's
BEGIN;
SELECT fraiseql_nats.create_stream('clicks', '{click.>}');
SELECT fraiseql_nats.alter_stream('clicks', max_msgs => 5);
SELECT fraiseql_nats.drop_stream('clicks', from_broker => true);
ROLLBACK;
SELECT fraiseql_nats.drop_preview_slot('no');
RESET ROLE;
-- no function is open to everybody, but for the one that stands in for pg_catalog.pg_notify, whose own right it checks
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace::regnamespace::text LIKE 'fraiseql%'
AND has_function_privilege('regress_nobody', p.oid, 'EXECUTE');
SELECT n.nspname FROM pg_namespace n WHERE nspname LIKE 'fraiseql%' AND has_schema_privilege('regress_nobody', oid, 'USAGE');
SELECT obj_description('pg_catalog.pg_notify(text,text)'::regprocedure, 'pg_proc');
DROP TABLE tb_secret;
DROP ROLE regress_publisher, regress_admin;
