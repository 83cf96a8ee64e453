-- An observer of a partitioned table sees all partitions, those of later too.
SELECT fraiseql_nats.create_preview_slot('regress_partitions');
CREATE TABLE tb_sale (id int, region text) PARTITION BY LIST (region);
CREATE TABLE sale_eu PARTITION OF tb_sale FOR VALUES IN ('eu');
SELECT fraiseql_nats.observe('tb_sale', format => 'row', subject => 'sale.{op}.{entity}.{table}');
INSERT INTO tb_sale VALUES (1, 'eu');
CREATE TABLE sale_us (id int, region text);
INSERT INTO sale_us VALUES (2, 'us');
ALTER TABLE tb_sale ATTACH PARTITION sale_us FOR VALUES IN ('us');
INSERT INTO tb_sale VALUES (3, 'us');
INSERT INTO sale_us VALUES (4, 'us');
ALTER TABLE tb_sale DETACH PARTITION sale_us;
INSERT INTO sale_us VALUES (5, 'us');
-- a level deeper
CREATE TABLE sale_asia (id int, region text) PARTITION BY RANGE (id);
CREATE TABLE sale_asia_1 PARTITION OF sale_asia FOR VALUES FROM (0) TO (100);
INSERT INTO sale_asia VALUES (6, 'asia');
ALTER TABLE tb_sale ATTACH PARTITION sale_asia FOR VALUES IN ('asia');
INSERT INTO tb_sale VALUES (7, 'asia');
-- a row that moves is a DELETE and an INSERT
UPDATE tb_sale SET region = 'eu' WHERE id = 7;
TRUNCATE tb_sale;
TRUNCATE sale_eu;
-- by the name of a partition alone
SELECT fraiseql_nats.observe('sale_eu', '{TRUNCATE}', 'eu.{op}', format => 'row');
TRUNCATE tb_sale;
SELECT * FROM shown();
DROP TABLE tb_sale, sale_us;
