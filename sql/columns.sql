-- Only the named columns are published, in data, changes and unchanged.
SELECT fraiseql_nats.create_preview_slot('regress_columns');
CREATE TABLE tb_user (pk int PRIMARY KEY, id uuid, name text, password text);
ALTER TABLE tb_user REPLICA IDENTITY FULL;
SELECT fraiseql_nats.observe('tb_user', columns => '{id,name}');
INSERT INTO tb_user VALUES (1, '550e8400-e29b-41d4-a716-446655440000', 'ann', 'secret');
UPDATE tb_user SET password = 'other', name = 'anna';
DELETE FROM tb_user;
SELECT * FROM shown();
SELECT count(*) FROM fraiseql_nats.messages('regress_columns') WHERE payload LIKE '%secret%';
DROP TABLE tb_user;
