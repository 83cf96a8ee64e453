-- SPDX-License-Identifier: PostgreSQL
-- What FraiseQL is to see of the order system, and what the services are.

CREATE EXTENSION fraiseql_nats;

ALTER TABLE tb_order REPLICA IDENTITY FULL;             -- so that an UPDATE has "changes"

-- fraiseql.mutation.Order.INSERT, .UPDATE and .DELETE, which FraiseQL's consumer reads.
SELECT fraiseql_nats.observe('tb_order');

-- fraiseql.order.created and fraiseql.order.status_changed, of pg_notify() in the two functions.
SELECT fraiseql_nats.observe_channel('order_created');
SELECT fraiseql_nats.observe_channel('order_status_changed');
