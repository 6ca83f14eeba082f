-- What each variable of the boards must offer: every value that the processors let through, but for the doctor's own.

-- # workflow
SELECT DISTINCT workflow AS value, 1 AS amount FROM settled_calls WHERE is_ours(workflow);
-- # message_type
SELECT DISTINCT message_type AS value, 1 AS amount FROM settled_episodes WHERE is_ours(workflow);
-- # policy_version
SELECT DISTINCT version AS value, 1 AS amount FROM settled_calls WHERE is_ours(workflow);
-- # runtime
SELECT DISTINCT runtime AS value, 1 AS amount FROM settled_calls WHERE is_ours(workflow);
-- # agent
SELECT 'front_desk' AS value, 1 AS amount;
-- # job
SELECT 'otel-voice-processor' AS value, 1 AS amount;
-- # instance
SELECT DISTINCT instance AS value, 1 AS amount FROM processes;
