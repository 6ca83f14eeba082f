-- What the searches of boards must find, `-- # panel / query`: how many spans there are by the attributes that are named. The call that is
-- asked for is `call_id`.

-- # Calls to review: false stops / A
SELECT call_id AS "voice.call.id", workflow AS "voice.workflow", message_type AS "voice.agent.message.type", count(*) AS amount
FROM episodes(0) WHERE verdict = 'false_interruption' GROUP BY ALL;
-- # Calls to review: misses / A
SELECT call_id AS "voice.call.id", workflow AS "voice.workflow", message_type AS "voice.agent.message.type", count(*) AS amount
FROM episodes(0) WHERE verdict = 'missed_interruption' GROUP BY ALL;
-- # Its interruptions / A
SELECT verdict AS "voice.interruption.verdict", intent AS "voice.interruption.intent", net_audio AS "voice.interruption.net_audio",
    message_type AS "voice.agent.message.type", count(*) AS amount
FROM settled_episodes WHERE is_chosen('call_id', call_id) GROUP BY ALL;
-- # The call / A
SELECT workflow AS "voice.workflow", runtime AS "voice.runtime.name", version AS "voice.agent.policy.version",
    interrupted AS "voice.call.interrupted", outcome AS "voice.call.task_outcome", asked AS "voice.call.escalation_asked",
    escalated AS "voice.call.escalated", ended_by AS "voice.call.ended_by", count(*) AS amount
FROM settled_calls WHERE is_chosen('call_id', call_id) GROUP BY ALL;
-- # Every event / A
SELECT name, count(*) AS amount
FROM (
    SELECT call_id, name FROM fed_events
    UNION ALL SELECT call_id, 'voice.interruption.call' FROM settled_calls
    UNION ALL SELECT call_id, 'voice.interruption.episode' FROM settled_episodes
)
WHERE is_chosen('call_id', call_id) GROUP BY ALL;
