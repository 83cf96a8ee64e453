-- SPDX-License-Identifier: PostgreSQL
-- The tables of the order system, and a function that places an order with all its rows.

CREATE TABLE tb_order (
    pk_order    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          UUID DEFAULT gen_random_uuid() NOT NULL UNIQUE,
    identifier  TEXT NOT NULL UNIQUE,
    customer_id UUID NOT NULL,
    total       DECIMAL(10, 2) NOT NULL,
    status      TEXT NOT NULL DEFAULT 'pending',
    created_at  TIMESTAMPTZ DEFAULT now(),
    updated_at  TIMESTAMPTZ DEFAULT now()
);

CREATE TABLE tb_order_item (
    pk_order_item BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            UUID DEFAULT gen_random_uuid() NOT NULL UNIQUE,
    identifier    TEXT NOT NULL UNIQUE,
    fk_order      BIGINT NOT NULL REFERENCES tb_order(pk_order),
    product_id    UUID NOT NULL,
    quantity      INT NOT NULL,
    unit_price    DECIMAL(10, 2) NOT NULL
);

-- Old values, so that an UPDATE can say what changed.
ALTER TABLE tb_order REPLICA IDENTITY FULL;

CREATE FUNCTION place_order(items int) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    v_order tb_order;
BEGIN
    INSERT INTO tb_order (identifier, customer_id, total)
    VALUES ('ORD-' || gen_random_uuid(), gen_random_uuid(), 0)
    RETURNING * INTO v_order;

    INSERT INTO tb_order_item (identifier, fk_order, product_id, quantity, unit_price)
    SELECT 'ITEM-' || gen_random_uuid(), v_order.pk_order, gen_random_uuid(), 1 + n % 5, 9.90 + n
    FROM generate_series(1, items) n;

    UPDATE tb_order
    SET total = (SELECT sum(quantity * unit_price) FROM tb_order_item WHERE fk_order = pk_order),
        status = 'confirmed', updated_at = clock_timestamp()
    WHERE pk_order = v_order.pk_order;
    RETURN v_order.id;
END $$;

CREATE TABLE tb_product (pk_product bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE tb_click (pk_click bigint PRIMARY KEY, page text NOT NULL);
CREATE TABLE tb_stock (product text PRIMARY KEY, pieces int NOT NULL);
ALTER TABLE tb_stock REPLICA IDENTITY FULL;
