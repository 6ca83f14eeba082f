-- What each recording rule must record at the newest sample, its window left off the name: the asker sets `since` and `until` by it.
-- The last column is `exact` where a 0 has to be there: what is divided must not be missing.

-- # workflow_version:voice_interruption_stopped
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) AS exact FROM stops(0) GROUP BY ALL;
-- # workflow_version:voice_interruption_false
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) FILTER (wrong) AS exact FROM stops(0) GROUP BY ALL;
-- # workflow_version:voice_interruption_meant
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) AS exact FROM meant(0) GROUP BY ALL;
-- # workflow_version:voice_interruption_missed
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) FILTER (wrong) AS exact FROM meant(0) GROUP BY ALL;
-- # workflow_version:voice_interruption_settled
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) AS exact FROM episodes(0) GROUP BY ALL;
-- # workflow_version:voice_interruption_undetermined
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) FILTER (undetermined) AS exact
FROM episodes(0) GROUP BY ALL;
-- # workflow_version:voice_interrupted_calls_known
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) AS exact FROM finished(0) GROUP BY ALL;
-- # workflow_version:voice_interrupted_calls_incomplete
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) FILTER (outcome <> 'completed') AS exact
FROM finished(0) GROUP BY ALL;
-- # workflow_version:voice_escalations_asked
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) AS exact FROM asked(0) GROUP BY ALL;
-- # workflow_version:voice_escalations_not_happened
SELECT workflow AS voice_workflow, version AS voice_agent_policy_version, count(*) FILTER (NOT escalated) AS exact
FROM asked(0) GROUP BY ALL;
-- # runtime:voice_calls_settled
SELECT runtime AS voice_runtime_name, count(*) AS exact FROM calls(0) GROUP BY ALL;
-- # runtime:voice_calls_unseen
SELECT runtime AS voice_runtime_name, count(*) FILTER (observable = 'no') AS exact FROM calls(0) GROUP BY ALL;

-- # workflow:voice_interruption_stopped
SELECT workflow AS voice_workflow, count(*) AS exact FROM stops(0) GROUP BY ALL;
-- # workflow:voice_interruption_false
SELECT workflow AS voice_workflow, count(*) FILTER (wrong) AS exact FROM stops(0) GROUP BY ALL;
-- # workflow:voice_interruption_meant
SELECT workflow AS voice_workflow, count(*) AS exact FROM meant(0) GROUP BY ALL;
-- # workflow:voice_interruption_missed
SELECT workflow AS voice_workflow, count(*) FILTER (wrong) AS exact FROM meant(0) GROUP BY ALL;

-- # workflow:voice_interruption_stopped of old versions
SELECT voice_workflow, sum(cases) AS exact
FROM (SELECT workflow AS voice_workflow, version, count(*) AS cases FROM stops(0) GROUP BY ALL) WHERE cases >= 20 GROUP BY ALL;
-- # workflow:voice_interruption_false of old versions
SELECT voice_workflow, sum(bad) AS exact
FROM (SELECT workflow AS voice_workflow, version, count(*) AS cases, count(*) FILTER (wrong) AS bad FROM stops(0) GROUP BY ALL)
WHERE cases >= 20 GROUP BY ALL;
-- # workflow:voice_interruption_meant of old versions
SELECT voice_workflow, sum(cases) AS exact
FROM (SELECT workflow AS voice_workflow, version, count(*) AS cases FROM meant(0) GROUP BY ALL) WHERE cases >= 20 GROUP BY ALL;
-- # workflow:voice_interruption_missed of old versions
SELECT voice_workflow, sum(bad) AS exact
FROM (SELECT workflow AS voice_workflow, version, count(*) AS cases, count(*) FILTER (wrong) AS bad FROM meant(0) GROUP BY ALL)
WHERE cases >= 20 GROUP BY ALL;

-- # workflow:voice_interruption_false as a ratio
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY ALL;
-- # workflow:voice_interruption_missed as a ratio
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY ALL;
-- # workflow:voice_interruption_undetermined as a ratio
SELECT workflow AS voice_workflow, share(count(*) FILTER (undetermined), count(*)) AS share FROM episodes(0) GROUP BY ALL;
-- # workflow:voice_interrupted_calls_incomplete as a ratio
SELECT workflow AS voice_workflow, share(count(*) FILTER (outcome <> 'completed'), count(*)) AS share FROM finished(0) GROUP BY ALL;
-- # workflow:voice_escalations_not_happened as a ratio
SELECT workflow AS voice_workflow, share(count(*) FILTER (NOT escalated), count(*)) AS share FROM asked(0) GROUP BY ALL;
