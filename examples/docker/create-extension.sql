CREATE EXTENSION fraiseql_nats;
