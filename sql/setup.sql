-- What the other tests share: messages without what differs from run to run.
CREATE FUNCTION shown() RETURNS TABLE (subject text, payload text) LANGUAGE sql AS $$
    SELECT subject, regexp_replace(payload, '"timestamp":"[^"]+"', '"timestamp":"T"')
    FROM fraiseql_nats.messages('regress', advance => true)
$$;
CREATE ROLE regress_nobody;
\dx fraiseql_nats
