-- What is true of the calls that were fed, as the expectations beside this file ask for it. `truth.py` fills `fed_calls` and
-- `fed_interruptions` from the simulator's truth (what caller and player did) and from the plan (who told it, and when it was pushed).
-- What no caller and no player can know is taken from the exported spans, in `exported` alone: the policy's compliance and protection,
-- the judge's input class and findings, and how long a reaction took by the recogniser's first word.
CREATE TABLE labelled AS  -- a processor lets 200 workflows through, first come, and the newest versions, of which there are fewer
WITH came AS (
    SELECT process, workflow, row_number() OVER (PARTITION BY process ORDER BY min(number)) AS place
    FROM fed_calls GROUP BY process, workflow
)
SELECT fed_calls.* EXCLUDE (workflow), workflow AS told_workflow, if(place > 200, 'other', workflow) AS workflow
FROM fed_calls JOIN came USING (process, workflow);

CREATE TABLE settled_calls AS  -- as they were told: what a runtime withholds nobody knows
SELECT
    call_id, process, began, pushed, workflow, version, runtime, asked,
    if(ended, outcome, 'unknown') AS outcome,
    if(ended, escalated, NULL) AS escalated,
    if(ended, ended_by, 'expired') AS ended_by,
    CASE
        WHEN unseen OR (mute AND kept > 0) THEN 'unknown'
        WHEN deaf AND deaf_to > 0 THEN coalesce(told_apart, 'unknown')
        ELSE interrupted
    END AS interrupted,
    if(unseen, 'no', 'yes') AS observable,
    timeouts,
    if(unseen, [], turn_overlaps) AS turn_overlaps,
    if(unseen, [], premature) AS premature
FROM labelled
LEFT JOIN (
    SELECT
        call_id,
        count(*) FILTER (input_type = 'speech') AS deaf_to,
        count(*) FILTER (net_audio = 'kept') AS kept,
        max('mishandled') FILTER (input_type <> 'speech' AND verdict = 'missed_interruption') AS told_apart
    FROM fed_interruptions GROUP BY call_id
) USING (call_id);

CREATE TABLE settled_episodes AS
SELECT
    call_id, process, pushed, workflow, version, runtime, message_type, answered, silence_ms, ended_by,
    if(endless, 'unknown', net_audio) AS net_audio,
    unheard OR endless AS undetermined,
    if(undetermined, 'undetermined', verdict) AS verdict,
    if(unheard, 'unknown', if(meant, 'yes', 'no')) AS intent,
    CASE WHEN undetermined THEN NULL WHEN resume = 'lost' AND NOT chosen THEN 'unknown' ELSE resume END AS resume,
    NOT undetermined AND meant AND repeated AS repeated
FROM (
    SELECT fed_interruptions.* EXCLUDE (number), labelled.* EXCLUDE (ended_by), if(ended, ended_by, 'expired') AS ended_by,
        deaf AND input_type = 'speech' AS unheard,  -- without a transcript nobody can say whether speech was meant
        mute AND net_audio = 'kept' AS endless  -- of a response whose end is not told nobody can say whether it was stopped
    FROM fed_interruptions JOIN labelled USING (call_id) WHERE NOT unseen
);

CREATE TABLE exported AS
SELECT
    labelled.process, labelled.pushed, labelled.workflow, labelled.version, labelled.runtime,
    call_id,
    text_of(told, 'voice.agent.message.type') AS message_type,
    text_of(told, 'voice.interruption.verdict') AS verdict,
    text_of(told, 'voice.interruption.compliance') AS compliance,
    text_of(told, 'voice.caller.input.class') AS input_class,
    (told['voice.interruption.protected'] ->> '$.boolValue')::BOOLEAN AS protected,
    coalesce(list_of(told, 'voice.interruption.findings', 'stringValue'), []) AS findings,
    (told['voice.interruption.reaction_ms'] ->> '$.intValue')::BIGINT AS reaction_ms
FROM (SELECT *, text_of(told, 'voice.call.id') AS call_id FROM summaries WHERE name = 'voice.interruption.episode')
JOIN labelled USING (call_id);

-- What is chosen on a board, NULL for everything, and the time that is asked about: after `since`, up to `until`, in Unix seconds.
-- All agents are the simulator's `front_desk`.
CREATE MACRO is_chosen(name, value) AS getvariable(name) IS NULL OR list_contains(getvariable(name), value);
CREATE MACRO in_time(pushed, ago) AS pushed > getvariable('since') - ago AND pushed <= getvariable('until') - ago;
CREATE MACRO is_ours(workflow) AS workflow <> 'otel_voice_doctor';
CREATE MACRO a_week() AS 604800;

CREATE MACRO calls(ago) AS TABLE
SELECT * FROM settled_calls
WHERE is_ours(workflow) AND is_chosen('workflow', workflow) AND is_chosen('policy_version', version) AND is_chosen('runtime', runtime)
    AND is_chosen('agent', 'front_desk') AND in_time(pushed, ago);

CREATE MACRO episodes(ago) AS TABLE
SELECT * FROM settled_episodes
WHERE is_ours(workflow) AND is_chosen('workflow', workflow) AND is_chosen('policy_version', version) AND is_chosen('runtime', runtime)
    AND is_chosen('agent', 'front_desk') AND is_chosen('message_type', message_type) AND in_time(pushed, ago);

CREATE MACRO exported_episodes(ago) AS TABLE
SELECT * FROM exported
WHERE is_ours(workflow) AND is_chosen('workflow', workflow) AND is_chosen('policy_version', version) AND is_chosen('runtime', runtime)
    AND is_chosen('agent', 'front_desk') AND is_chosen('message_type', message_type) AND in_time(pushed, ago);

CREATE MACRO determined(ago) AS TABLE SELECT * FROM episodes(ago) WHERE NOT undetermined;
CREATE MACRO stops(ago) AS TABLE SELECT *, verdict = 'false_interruption' AS wrong FROM determined(ago) WHERE net_audio = 'stopped';
CREATE MACRO meant(ago) AS TABLE SELECT *, verdict = 'missed_interruption' AS wrong FROM determined(ago) WHERE intent = 'yes';
CREATE MACRO resumes(ago) AS TABLE SELECT * FROM episodes(ago) WHERE resume IN ('clean', 'restarted', 'lost');
CREATE MACRO interrupted(ago) AS TABLE SELECT * FROM calls(ago) WHERE interrupted IN ('handled', 'mishandled');
CREATE MACRO perhaps(ago) AS TABLE SELECT * FROM calls(ago) WHERE interrupted = 'unknown';
CREATE MACRO finished(ago) AS TABLE SELECT * FROM interrupted(ago) WHERE outcome <> 'unknown';
CREATE MACRO asked(ago) AS TABLE SELECT * FROM calls(ago) WHERE asked AND escalated IS NOT NULL;
CREATE MACRO findings(ago) AS TABLE  -- premature endpointing is found of a response, not of an interruption
SELECT workflow, version, message_type, unnest(findings) AS finding FROM exported_episodes(ago)
UNION ALL
SELECT workflow, version, message_type, 'premature_endpointing'
FROM (SELECT workflow, version, unnest(premature) AS message_type FROM calls(ago)) WHERE is_chosen('message_type', message_type);

-- Since when a version is seen, as those processors know that pushed last after a time: one that starts without its journal begins anew.
CREATE MACRO known_since(alive) AS TABLE
SELECT version, min(began) AS since FROM settled_calls JOIN processes USING (process)
WHERE is_ours(workflow) AND is_chosen('workflow', workflow) AND is_chosen('policy_version', version)
    AND pushed <= getvariable('until') AND ended > alive
GROUP BY version;
CREATE MACRO seen() AS TABLE SELECT * FROM known_since(getvariable('since'));
CREATE MACRO has_calls() AS (  -- of which a processor told in the last hour
    SELECT count(*) > 0 FROM settled_calls JOIN processes USING (process)
    WHERE is_ours(workflow) AND is_chosen('workflow', workflow) AND is_chosen('policy_version', version) AND is_chosen('runtime', runtime)
        AND is_chosen('agent', 'front_desk') AND pushed <= getvariable('until') AND ended > getvariable('until') - 3600
);
CREATE MACRO newest_version() AS (SELECT version FROM seen() ORDER BY since DESC LIMIT 1);
CREATE MACRO version_before() AS (SELECT version FROM seen() ORDER BY since DESC LIMIT 1 OFFSET 1);

-- A share of nothing is NULL, and must not be shown. A quantile is as exact as its buckets: it lies between the two edges around the value
-- of its rank. `slack` is by how much Prometheus may weigh some of the events more than others.
CREATE MACRO share(part, whole) AS part / nullif(whole, 0);
CREATE MACRO edges() AS [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0];
CREATE MACRO quick_edges() AS [0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0];
CREATE MACRO of_rank(seconds, rank) AS list_sort(seconds)[greatest(1, least(1.0, rank) * len(seconds)).ceil()::INTEGER];
CREATE MACRO edge_below(edges, seconds, rank) AS
    list_max(list_filter(list_prepend(0.0, edges), lambda edge: edge < of_rank(seconds, rank - getvariable('slack'))));
CREATE MACRO edge_above(edges, seconds, rank) AS
    if(len(seconds) > 0, coalesce(
        list_min(list_filter(edges, lambda edge: edge >= of_rank(seconds, rank + getvariable('slack')))), list_max(edges)
    ), NULL);
CREATE MACRO silences(ago) AS TABLE SELECT silence_ms / 1000 AS seconds FROM episodes(ago) WHERE silence_ms IS NOT NULL;
CREATE MACRO reactions(ago) AS TABLE SELECT reaction_ms / 1000 AS seconds FROM exported_episodes(ago) WHERE reaction_ms IS NOT NULL;
CREATE MACRO unanswered(ago) AS TABLE SELECT * FROM episodes(ago) WHERE NOT answered AND silence_ms IS NULL;
