-- SPDX-License-Identifier: PostgreSQL
-- A shop with plenty of two things, few of a third and none of a fourth.

INSERT INTO tb_product (id, identifier) VALUES
    ('00000000-0000-4000-8000-000000000001', 'chair'),
    ('00000000-0000-4000-8000-000000000002', 'table'),
    ('00000000-0000-4000-8000-000000000003', 'signed print'),
    ('00000000-0000-4000-8000-000000000004', 'sold-out lamp');

INSERT INTO tb_inventory (fk_product, available)
SELECT pk_product, stock.available
FROM tb_product
JOIN (VALUES ('chair', 10000), ('table', 10000), ('signed print', 40), ('sold-out lamp', 0))
    AS stock (identifier, available) USING (identifier);
