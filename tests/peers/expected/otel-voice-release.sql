-- What each query of the board must return; see `otel-voice-overview.sql` for the form.

-- # Policy versions side by side / first seen
SELECT version AS voice_agent_policy_version, since * 1000 AS low, low AS high FROM seen();
-- # Policy versions side by side / episodes
SELECT version AS voice_agent_policy_version, count(*) AS amount FROM episodes(0) GROUP BY 1;
-- # Policy versions side by side / false
-- # False interruption rate / {{voice_agent_policy_version}}
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY 1;
-- # Policy versions side by side / missed
-- # Missed interruption rate / {{voice_agent_policy_version}}
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY 1;
-- # Policy versions side by side / undetermined
SELECT version AS voice_agent_policy_version, count(*) AS amount FROM episodes(0) WHERE undetermined GROUP BY 1;
-- # Policy versions side by side / followed
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (compliance = 'followed'), count(*)) AS share
FROM exported_episodes(0) WHERE compliance <> 'unknown' GROUP BY 1;
-- # Policy versions side by side / interrupted calls
SELECT version AS voice_agent_policy_version, count(*) AS amount FROM interrupted(0) GROUP BY 1;
-- # Policy versions side by side / completed
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (outcome = 'completed'), count(*)) AS share FROM finished(0) GROUP BY 1;
-- # Policy versions side by side / escalated
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (escalated), count(escalated)) AS share
FROM interrupted(0) GROUP BY 1;
-- # Calls by policy version / {{voice_agent_policy_version}}
SELECT version AS voice_agent_policy_version, count(*) AS amount FROM calls(0) GROUP BY 1;

-- # By workflow / episodes
SELECT workflow AS voice_workflow, count(*) AS amount FROM episodes(0) GROUP BY 1;
-- # By workflow / false
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY 1;
-- # By workflow / missed
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY 1;
-- # By workflow / undetermined
SELECT workflow AS voice_workflow, count(*) AS amount FROM episodes(0) WHERE undetermined GROUP BY 1;
-- # By workflow / followed
SELECT workflow AS voice_workflow, share(count(*) FILTER (compliance = 'followed'), count(*)) AS share
FROM exported_episodes(0) WHERE compliance <> 'unknown' GROUP BY 1;
