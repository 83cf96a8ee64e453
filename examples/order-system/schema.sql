-- SPDX-License-Identifier: PostgreSQL
-- The orders, the stock, and the two functions that the GraphQL mutations call.

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
    fk_order BIGINT NOT NULL REFERENCES tb_order(pk_order),
    product_id    UUID NOT NULL,
    quantity      INT NOT NULL,
    unit_price    DECIMAL(10, 2) NOT NULL
);

-- Views with JSONB data column
CREATE VIEW v_order AS
SELECT
    o.id,
    jsonb_build_object(
        'id',          o.id::text,
        'identifier',  o.identifier,
        'customer_id', o.customer_id::text,
        'total',       o.total,
        'status',      o.status,
        'created_at',  o.created_at,
        'updated_at',  o.updated_at
    ) AS data
FROM tb_order o;

CREATE TABLE tb_product (
    pk_product  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          UUID DEFAULT gen_random_uuid() NOT NULL UNIQUE,
    identifier  TEXT NOT NULL UNIQUE
);

-- available: what lies on the shelf, the reserved pieces among it.
CREATE TABLE tb_inventory (
    pk_inventory BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fk_product   BIGINT NOT NULL UNIQUE REFERENCES tb_product(pk_product),
    available    INT NOT NULL,
    reserved     INT NOT NULL DEFAULT 0,
    CHECK (reserved BETWEEN 0 AND available)
);

-- order_id: a column without a foreign key, since orders may live in another database.
CREATE TABLE tb_reservation (
    pk_reservation BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             UUID DEFAULT gen_random_uuid() NOT NULL UNIQUE,
    identifier     TEXT NOT NULL UNIQUE,
    order_id       UUID NOT NULL,
    status         TEXT NOT NULL,
    created_at     TIMESTAMPTZ DEFAULT now()
);

CREATE INDEX ON tb_reservation (order_id);

-- What every mutation returns to FraiseQL.
CREATE TYPE mutation_response AS (
    status         TEXT,
    message        TEXT,
    entity_id      UUID,
    entity_type    TEXT,
    entity         JSONB,
    updated_fields TEXT[],
    cascade        JSONB,
    metadata       JSONB
);

CREATE OR REPLACE FUNCTION fn_create_order(
    p_customer_id       UUID,
    p_items             JSONB,
    p_shipping_address  TEXT
)
RETURNS mutation_response
LANGUAGE plpgsql AS $$
DECLARE
    v_id     UUID;
    v_result mutation_response;
BEGIN
    INSERT INTO tb_order (customer_id, total, status, identifier)
    VALUES (
        p_customer_id,
        0,
        'pending',
        'ORD-' || gen_random_uuid()::text
    )
    RETURNING id INTO v_id;

    -- Notify downstream services via pg_notify.
    -- FraiseQL observers forward this to the NATS subject configured in fraiseql.toml.
    PERFORM pg_notify(
        'order_created',
        jsonb_build_object(
            'order_id',    v_id,
            'customer_id', p_customer_id,
            'items',       p_items,
            'shipping',    p_shipping_address
        )::text
    );

    v_result.status      := 'success';
    v_result.entity_id   := v_id;
    v_result.entity_type := 'Order';
    RETURN v_result;
END;
$$;

CREATE OR REPLACE FUNCTION fn_update_order_status(
    p_id     UUID,
    p_status TEXT
)
RETURNS mutation_response
LANGUAGE plpgsql AS $$
DECLARE
    v_previous TEXT;
    v_result   mutation_response;
BEGIN
    SELECT status INTO v_previous FROM tb_order WHERE id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        v_result.status  := 'failed:not_found';
        v_result.message := 'There is no order ' || p_id;
        RETURN v_result;
    END IF;

    UPDATE tb_order SET status = p_status, updated_at = now() WHERE id = p_id;

    PERFORM pg_notify(
        'order_status_changed',
        jsonb_build_object(
            'order_id',        p_id,
            'new_status',      p_status,
            'previous_status', v_previous
        )::text
    );

    v_result.status         := 'success';
    v_result.entity_id      := p_id;
    v_result.entity_type    := 'Order';
    v_result.updated_fields := ARRAY['status', 'updated_at'];
    RETURN v_result;
END;
$$;
