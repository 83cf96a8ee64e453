-- SPDX-License-Identifier: PostgreSQL
-- The orders, the stock, the two functions that change orders, and the schema "api", through which
-- GraphQL mutations call them.

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

-- What the two functions return.
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

    IF v_previous = p_status THEN       -- nothing to do, nobody to tell
        v_result.status      := 'noop';
        v_result.entity_id   := p_id;
        v_result.entity_type := 'Order';
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

-- The API -----------------------------------------------------------------------------------------
--
-- FraiseQL calls fn_create_order and fn_update_order_status without a schema, so it needs a connection
-- with search_path = api, public.  Since FraiseQL 2.2 a mutation returns these 13 columns, and what
-- GraphQL names in camelCase comes as it is: the functions of "api" translate both ways.

CREATE SCHEMA api;

-- They mean public.mutation_response, whatever the caller's search_path.
ALTER FUNCTION fn_create_order(UUID, JSONB, TEXT) SET search_path = public, pg_temp;
ALTER FUNCTION fn_update_order_status(UUID, TEXT) SET search_path = public, pg_temp;

CREATE TYPE api.mutation_response AS (
    succeeded      BOOLEAN,     -- also when there was nothing to do
    state_changed  BOOLEAN,     -- never without succeeded
    error_class    TEXT,        -- NULL if succeeded
    status_detail  TEXT,
    http_status    SMALLINT,
    message        TEXT,
    entity_id      UUID,
    entity_type    TEXT,
    entity         JSONB,
    updated_fields TEXT[],      -- in camelCase
    cascade        JSONB,
    error_detail   JSONB,
    metadata       JSONB
);

-- customerId -> customer_id, in all keys.
CREATE FUNCTION api.snake_case_keys(p_value JSONB)
RETURNS JSONB
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN CASE jsonb_typeof(p_value)
        WHEN 'object' THEN (
            SELECT coalesce(jsonb_object_agg(lower(regexp_replace(key, '([A-Z])', '_\1', 'g')),
                                             api.snake_case_keys(value)), '{}')
            FROM jsonb_each(p_value))
        WHEN 'array' THEN (
            SELECT coalesce(jsonb_agg(api.snake_case_keys(value) ORDER BY place), '[]')
            FROM jsonb_array_elements(p_value) WITH ORDINALITY AS element (value, place))
        ELSE p_value
    END;
END;
$$;

-- updated_at -> updatedAt
CREATE FUNCTION api.camel_case(p_names TEXT[])
RETURNS TEXT[]
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT ARRAY(SELECT left(name, 1) || replace(substr(initcap(name), 2), '_', '')
                 FROM unnest(p_names) AS name)
$$;

-- A status is 'success', 'noop', or 'failed:' and the class of the error.
CREATE FUNCTION api.response_of(p_result public.mutation_response)
RETURNS api.mutation_response
LANGUAGE plpgsql VOLATILE AS $$         -- sees the row that was just made
DECLARE
    v_response api.mutation_response;
BEGIN
    v_response.succeeded     := coalesce(p_result.status IN ('success', 'noop'), false);
    v_response.state_changed := v_response.succeeded AND p_result.status = 'success';
    v_response.message       := p_result.message;
    v_response.entity_type   := p_result.entity_type;
    v_response.metadata      := p_result.metadata;
    IF v_response.succeeded THEN
        v_response.entity_id      := p_result.entity_id;
        v_response.entity         := coalesce(p_result.entity,
            (SELECT data FROM public.v_order WHERE id = p_result.entity_id));
        v_response.updated_fields := api.camel_case(p_result.updated_fields);
        v_response.cascade        := p_result.cascade;
    ELSE
        v_response.error_class := coalesce(substring(p_result.status FROM '^failed:(.+)$'), 'internal');
        v_response.http_status := CASE v_response.error_class WHEN 'not_found' THEN 404 ELSE 500 END;
    END IF;
    RETURN v_response;
END;
$$;

CREATE FUNCTION api.fn_create_order(p_customer_id UUID, p_items JSONB, p_shipping_address TEXT)
RETURNS api.mutation_response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN api.response_of(
        public.fn_create_order(p_customer_id, api.snake_case_keys(p_items), p_shipping_address));
END;
$$;

CREATE FUNCTION api.fn_update_order_status(p_id UUID, p_status TEXT)
RETURNS api.mutation_response
LANGUAGE plpgsql AS $$
BEGIN
    RETURN api.response_of(public.fn_update_order_status(p_id, p_status));
END;
$$;
