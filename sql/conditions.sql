-- Only the changes that meet the condition of an observer, in the language of FraiseQL's files.
\set SHOW_CONTEXT never
SELECT fraiseql_nats.create_preview_slot('regress_conditions');
CREATE TABLE tb_order (id int PRIMARY KEY, status text, total numeric, big bigint);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
INSERT INTO fraiseql_nats.observer (name, relation, events, format, subject, condition) VALUES
    ('a', 'tb_order', '{INSERT,UPDATE,DELETE,TRUNCATE}', 'row', 'a.large', 'total >= 100.50 && status != ''draft'''),
    ('b', 'tb_order', '{UPDATE}', 'row', 'b.shipped', 'field_changed_to(''status'', ''shipped'')'),
    ('c', 'tb_order', '{INSERT,UPDATE,DELETE,TRUNCATE}', 'row', 'c.exact', 'big == 9007199254740993');
INSERT INTO tb_order VALUES (1, 'new', 100.49, 9007199254740992), (2, 'new', 100.5, 9007199254740993), (3, 'draft', 1000, 1);
UPDATE tb_order SET status = 'shipped' WHERE id = 1;
UPDATE tb_order SET status = 'shipped' WHERE id = 1;
DELETE FROM tb_order WHERE id = 2;
SELECT subject, payload FROM fraiseql_nats.messages('regress_conditions', advance => true);
-- what is refused
INSERT INTO fraiseql_nats.observer (name, relation, condition) VALUES ('x', 'tb_order', 'total >');
INSERT INTO fraiseql_nats.observer (name, relation, condition) VALUES ('x', 'tb_order', 'missing == 1');
INSERT INTO fraiseql_nats.observer (name, relation, condition) VALUES ('x', 'tb_order', 'status = ''new''');
-- it is no parameter: SQL has the filter
SELECT fraiseql_nats.observe('tb_order', condition => 'total > 1');
DROP TABLE tb_order;
