-- SPDX-License-Identifier: PostgreSQL
-- The durable consumers that the services bind to.  Made here rather than by the services, they have
-- max_deliver and ack_wait of fraiseql-observer.toml: what fails three times becomes a dead letter.

SELECT fraiseql_nats.create_consumer('orchestrator', 'fraiseql.order.created', push => true);
SELECT fraiseql_nats.create_consumer('idempotent-processor', 'fraiseql.order.created', push => true);
SELECT fraiseql_nats.create_consumer('analytics', 'fraiseql.order.>', push => true, queue => 'analytics');
SELECT fraiseql_nats.create_consumer('dlq-handler', 'fraiseql.dlq', push => true);
