-- The seven rates from exported `episode` and `call` spans alone: the same counts as the processor's, by another road.
-- For DuckDB 1.3 or newer, also by Python (`pip install duckdb`); reads OTLP JSON lines, plain or zstd, as `exporters.file` writes them.
-- `spans` names the files; `calls*.jsonl*` takes the rotated ones, too:
--   otel-voice queries --sql > rates.sql && duckdb -c "SET VARIABLE spans = 'calls*.jsonl*'" -f rates.sql
CREATE OR REPLACE TEMP MACRO text_of(told, name) AS told[name] ->> '$.stringValue';
CREATE OR REPLACE TEMP MACRO list_of(told, name, kind) AS told[name] ->> ('$.arrayValue.values[*].' || kind);

CREATE OR REPLACE TEMP TABLE summaries AS  -- a table, so that the files are read once
WITH scopes AS (
    SELECT unnest(json_extract("resourceSpans", '$[*].scopeSpans[*]')) AS scope
    FROM read_json(getvariable('spans'), format = 'newline_delimited', columns = {'resourceSpans': 'JSON'}, ignore_errors = true,
        maximum_object_size = 67108864)  -- a torn line is passed over, as `report` does
),
spans AS (
    SELECT unnest(json_extract(scope, '$.spans[*]')) AS span FROM scopes
),
named AS (
    SELECT span ->> '$.name' AS name, span ->> '$.spanId' AS id, json_extract(span, '$.attributes[*]') AS attributes FROM spans
)
SELECT DISTINCT ON (name, id)  -- a summary may be delivered twice, with the same ids
    name,
    id,
    map_from_entries(list_transform(attributes, lambda each: {'k': each ->> '$.key', 'v': each -> '$.value'})) AS told
FROM named
WHERE name IN ('voice.interruption.episode', 'voice.interruption.call');

CREATE OR REPLACE TEMP VIEW episodes AS
SELECT
    id,
    text_of(told, 'voice.workflow') AS workflow,
    text_of(told, 'voice.interruption.verdict') AS verdict,
    text_of(told, 'voice.interruption.intent') AS intent,
    text_of(told, 'voice.interruption.net_audio') AS net_audio,
    text_of(told, 'voice.interruption.resume') AS resume
FROM summaries
WHERE name = 'voice.interruption.episode';

CREATE OR REPLACE TEMP VIEW calls AS
SELECT
    id,
    text_of(told, 'voice.call.interrupted') AS interrupted,
    text_of(told, 'voice.call.task_outcome') AS task_outcome,
    (told['voice.call.escalated'] ->> '$.boolValue')::BOOLEAN AS escalated,  -- NULL: not told
    list_of(told, 'voice.call.episode.ids', 'stringValue') AS episode_ids,
    list_of(told, 'voice.call.episode.silences_ms', 'intValue') AS silences_ms,
    list_of(told, 'voice.call.episode.repeats', 'boolValue') AS repeats
FROM summaries
WHERE name = 'voice.interruption.call';

CREATE OR REPLACE TEMP VIEW aftermaths AS  -- silence and repeats may come after their episode has settled: the call tells them
SELECT
    unnest(episode_ids) AS id,
    unnest(silences_ms)::BIGINT AS silence_ms,  -- -1: none
    unnest(repeats)::BOOLEAN AS repeated
FROM calls;

WITH determined AS (
    SELECT * FROM episodes WHERE verdict <> 'undetermined'
),
rates AS (
    SELECT 1 AS place, 'false_interruption' AS rate, count(*) FILTER (verdict = 'false_interruption') AS numerator, count(*) AS denominator,
        'share' AS unit
    FROM determined WHERE net_audio = 'stopped'
    UNION ALL
    SELECT 2, 'missed_interruption', count(*) FILTER (verdict = 'missed_interruption'), count(*), 'share'
    FROM determined WHERE intent = 'yes'
    UNION ALL
    SELECT 3, 'resume_success', count(*) FILTER (resume = 'clean'), count(*), 'share'
    FROM episodes WHERE resume IN ('clean', 'restarted', 'lost')
    UNION ALL
    SELECT 4, 'repeated_speech', count(*) FILTER (repeated), count(*), 'share'
    FROM determined JOIN aftermaths USING (id) WHERE intent = 'yes'
    UNION ALL
    SELECT 5, 'silence_after', coalesce(sum(silence_ms), 0)::BIGINT, count(*), 'milliseconds, mean'  -- of a histogram only sum and count are exact
    FROM aftermaths WHERE silence_ms >= 0
    UNION ALL
    SELECT 6, 'task_completion', count(*) FILTER (task_outcome = 'completed'), count(*), 'share'
    FROM calls WHERE interrupted IN ('handled', 'mishandled') AND task_outcome <> 'unknown'
    UNION ALL
    SELECT 7, 'escalation', count(*) FILTER (escalated), count(*), 'share'
    FROM calls WHERE interrupted IN ('handled', 'mishandled') AND escalated IS NOT NULL
)
SELECT rate, numerator, denominator, numerator / nullif(denominator, 0) AS value, unit FROM rates ORDER BY place;
