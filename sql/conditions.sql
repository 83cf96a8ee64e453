-- Only the changes that meet the condition of an observer.
\set SHOW_CONTEXT never
SELECT fraiseql_nats.create_preview_slot('regress_conditions');
CREATE TABLE tb_order (id int PRIMARY KEY, status text, total numeric, big bigint);
ALTER TABLE tb_order REPLICA IDENTITY FULL;
SELECT fraiseql_nats.observe('tb_order', name => 'a', format => 'row', subject => 'a.large', condition => 'total >= 100.50 && status != ''draft''');
SELECT fraiseql_nats.observe('tb_order', '{UPDATE}', name => 'b', format => 'row', subject => 'b.shipped', condition => 'field_changed_to(''status'', ''shipped'')');
SELECT fraiseql_nats.observe('tb_order', name => 'c', format => 'row', subject => 'c.exact', condition => 'big == 9007199254740993');
INSERT INTO tb_order VALUES (1, 'new', 100.49, 9007199254740992), (2, 'new', 100.5, 9007199254740993), (3, 'draft', 1000, 1);
UPDATE tb_order SET status = 'shipped' WHERE id = 1;
UPDATE tb_order SET status = 'shipped' WHERE id = 1;
DELETE FROM tb_order WHERE id = 2;
SELECT subject, payload FROM fraiseql_nats.messages('regress_conditions', advance => true);
-- what is refused
SELECT fraiseql_nats.observe('tb_order', name => 'x', condition => 'total >');
SELECT fraiseql_nats.observe('tb_order', name => 'x', condition => 'missing == 1');
SELECT fraiseql_nats.observe('tb_order', name => 'x', condition => 'status = ''new''');
DROP TABLE tb_order;
