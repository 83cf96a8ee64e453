-- The messages of a change show the table as it was when the change was written.
SELECT fraiseql_nats.create_preview_slot('regress_schema_changes');
CREATE TABLE tb_a (id int PRIMARY KEY, a text, gone int);
SELECT fraiseql_nats.observe('tb_a', name => 'o');
INSERT INTO tb_a VALUES (1, 'x', 9);
ALTER TABLE tb_a ADD COLUMN b int DEFAULT 7;
INSERT INTO tb_a VALUES (2, 'y', 9, 8);
UPDATE tb_a SET a = 'z' WHERE id = 1;
ALTER TABLE tb_a DROP COLUMN gone;
INSERT INTO tb_a VALUES (3, 'w', 1);
ALTER TABLE tb_a RENAME COLUMN a TO letter;
ALTER TABLE tb_a ALTER COLUMN b TYPE text;
INSERT INTO tb_a VALUES (4, 'v', 'text now');
ALTER TABLE tb_a RENAME TO tb_renamed;
INSERT INTO tb_renamed VALUES (5, 'u', NULL);
CREATE SCHEMA elsewhere;
ALTER TABLE tb_renamed SET SCHEMA elsewhere;
INSERT INTO elsewhere.tb_renamed VALUES (6, 't', NULL);
-- in one transaction
BEGIN;
INSERT INTO elsewhere.tb_renamed VALUES (7, 's', 'before');
ALTER TABLE elsewhere.tb_renamed ADD COLUMN c jsonb DEFAULT '{}';
INSERT INTO elsewhere.tb_renamed VALUES (8, 'r', 'after');
DROP TABLE elsewhere.tb_renamed;
COMMIT;
SELECT * FROM shown();
DROP SCHEMA elsewhere;
