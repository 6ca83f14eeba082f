-- What each query of the board must return: `-- # panel / legend` over the statement that tells it, several where it is the same.
-- The last column is `amount` (0 may be missing), `exact` (0 must be there), `share` (NULL must be missing, 0 must not), `change` (of a
-- share) or `low` and `high`; the others are labels. What stands beside a rate is 0, not nothing, where there are calls.

-- # False interruption rate / now
SELECT share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0);
-- # False interruption rate / a week before
SELECT share(count(*) FILTER (wrong), count(*)) AS share FROM stops(a_week());
-- # False interruption rate / stops judged
SELECT count(*) AS exact FROM stops(0) HAVING count(*) > 0 OR has_calls();
-- # False interruption rate / paused only
SELECT count(*) AS exact FROM determined(0) WHERE verdict = 'false_interruption' AND net_audio = 'paused_resumed'
HAVING count(*) > 0 OR has_calls();
-- # False interruption rate / undetermined
-- # Missed interruption rate / undetermined
-- # Repeated user speech rate / undetermined
SELECT count(*) AS exact FROM episodes(0) WHERE undetermined HAVING count(*) > 0 OR has_calls();

-- # Missed interruption rate / now
SELECT share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0);
-- # Missed interruption rate / a week before
SELECT share(count(*) FILTER (wrong), count(*)) AS share FROM meant(a_week());
-- # Missed interruption rate / meant
-- # Repeated user speech rate / meant
SELECT count(*) AS exact FROM meant(0) HAVING count(*) > 0 OR has_calls();
-- # Missed interruption rate / protected misses
SELECT count(*) AS exact FROM exported_episodes(0) WHERE verdict = 'missed_interruption' AND protected HAVING count(*) > 0 OR has_calls();

-- # Resume success rate / now
SELECT share(count(*) FILTER (resume = 'clean'), count(*)) AS share FROM resumes(0);
-- # Resume success rate / a week before
SELECT share(count(*) FILTER (resume = 'clean'), count(*)) AS share FROM resumes(a_week());
-- # Resume success rate / resumes judged
SELECT count(*) AS exact FROM resumes(0) HAVING count(*) > 0 OR has_calls();
-- # Resume success rate / undetermined
SELECT count(*) AS exact FROM episodes(0) WHERE resume = 'unknown' HAVING count(*) > 0 OR has_calls();

-- # Repeated user speech rate / now
SELECT share(count(*) FILTER (repeated), count(*)) AS share FROM meant(0);
-- # Repeated user speech rate / a week before
SELECT share(count(*) FILTER (repeated), count(*)) AS share FROM meant(a_week());

-- # Silence after interruption, p95 / now
-- # Silence after interruption / p95
SELECT edge_below(edges(), list(seconds), 0.95) AS low, edge_above(edges(), list(seconds), 0.95) AS high FROM silences(0);
-- # Silence after interruption, p95 / a week before
SELECT edge_below(edges(), list(seconds), 0.95) AS low, edge_above(edges(), list(seconds), 0.95) AS high FROM silences(a_week());
-- # Silence after interruption / p50
SELECT edge_below(edges(), list(seconds), 0.5) AS low, edge_above(edges(), list(seconds), 0.5) AS high FROM silences(0);
-- # Silence after interruption, p95 / answered
SELECT count(*) AS exact FROM silences(0) HAVING count(*) > 0 OR has_calls();
-- # Silence after interruption, p95 / never answered
SELECT count(*) AS exact FROM unanswered(0) HAVING count(*) > 0 OR has_calls();
-- # Reaction to a right interruption / p50
SELECT edge_below(quick_edges(), list(seconds), 0.5) AS low, edge_above(quick_edges(), list(seconds), 0.5) AS high FROM reactions(0);
-- # Reaction to a right interruption / p95
SELECT edge_below(quick_edges(), list(seconds), 0.95) AS low, edge_above(quick_edges(), list(seconds), 0.95) AS high FROM reactions(0);

-- # Task completion after interruption / now
SELECT share(count(*) FILTER (outcome = 'completed'), count(*)) AS share FROM finished(0);
-- # Task completion after interruption / a week before
SELECT share(count(*) FILTER (outcome = 'completed'), count(*)) AS share FROM finished(a_week());
-- # Task completion after interruption / calls of known outcome
SELECT count(*) AS exact FROM finished(0) HAVING count(*) > 0 OR has_calls();
-- # Task completion after interruption / undetermined
SELECT (SELECT count(*) FROM interrupted(0) WHERE outcome = 'unknown') + (SELECT count(*) FROM perhaps(0)) AS exact
WHERE exact > 0 OR has_calls();

-- # Escalation after interruption / now
SELECT share(count(*) FILTER (escalated), count(escalated)) AS share FROM interrupted(0);
-- # Escalation after interruption / a week before
SELECT share(count(*) FILTER (escalated), count(escalated)) AS share FROM interrupted(a_week());
-- # Escalation after interruption / calls known
SELECT count(escalated) AS exact FROM interrupted(0) HAVING count(escalated) > 0 OR has_calls();
-- # Escalation after interruption / undetermined
SELECT (SELECT count(*) FROM interrupted(0) WHERE escalated IS NULL) + (SELECT count(*) FROM perhaps(0)) AS exact
WHERE exact > 0 OR has_calls();

-- # Escalation correctness / now
SELECT share(count(*) FILTER (escalated), count(*)) AS share FROM asked(0);
-- # Escalation correctness / a week before
SELECT share(count(*) FILTER (escalated), count(*)) AS share FROM asked(a_week());
-- # Escalation correctness / asked
SELECT count(*) AS exact FROM asked(0) HAVING count(*) > 0 OR has_calls();
-- # Escalation correctness / undetermined
SELECT count(*) AS exact FROM calls(0) WHERE asked AND escalated IS NULL HAVING count(*) > 0 OR has_calls();
-- # Escalation correctness / handed over unasked
SELECT count(*) AS exact FROM calls(0) WHERE NOT asked AND escalated HAVING count(*) > 0 OR has_calls();

-- # Undetermined / now
SELECT share(count(*) FILTER (undetermined), count(*)) AS share FROM episodes(0);
-- # Undetermined / episodes
SELECT count(*) AS amount FROM episodes(0);

-- # Calls / now
SELECT count(*) AS amount FROM calls(0);
-- # Calls / a week before
SELECT count(*) AS amount FROM calls(a_week());
-- # Calls / cannot be seen
SELECT count(*) AS exact FROM calls(0) WHERE observable = 'no' HAVING count(*) > 0 OR has_calls();
-- # Calls / silence timeouts
SELECT coalesce(sum(len(timeouts)), 0) AS exact FROM calls(0) HAVING coalesce(sum(len(timeouts)), 0) > 0 OR has_calls();
-- # Calls / turn overlaps
SELECT count(*) AS exact FROM (SELECT unnest(turn_overlaps) AS message_type FROM calls(0)) WHERE is_chosen('message_type', message_type)
HAVING count(*) > 0 OR has_calls();

-- # False stops: change by release / change
SELECT share(count(*) FILTER (wrong AND version = newest_version()), count(*) FILTER (version = newest_version()))
    - share(count(*) FILTER (wrong AND version = version_before()), count(*) FILTER (version = version_before())) AS change FROM stops(0);
-- # False stops: change by release / stops judged, newest
SELECT count(*) AS amount FROM stops(0) WHERE version = newest_version();
-- # False stops: change by release / stops judged, before
SELECT count(*) AS amount FROM stops(0) WHERE version = version_before();
-- # Misses: change by release / change
SELECT share(count(*) FILTER (wrong AND version = newest_version()), count(*) FILTER (version = newest_version()))
    - share(count(*) FILTER (wrong AND version = version_before()), count(*) FILTER (version = version_before())) AS change FROM meant(0);
-- # Misses: change by release / meant, newest
SELECT count(*) AS amount FROM meant(0) WHERE version = newest_version();
-- # Misses: change by release / meant, before
SELECT count(*) AS amount FROM meant(0) WHERE version = version_before();

-- # Where the agent stops for nothing / stops judged
SELECT workflow AS voice_workflow, count(*) AS amount FROM stops(0) GROUP BY 1;
-- # Where the agent stops for nothing / false
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY 1;
-- # Where the agent stops for nothing / a week before
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(a_week()) GROUP BY 1;
-- # Where the agent stops for nothing / weighed
SELECT workflow AS voice_workflow, count(*) FILTER (wrong) / (count(*) + 4) AS amount FROM stops(0) GROUP BY 1;
-- # Where it talks over callers / meant
SELECT workflow AS voice_workflow, count(*) AS amount FROM meant(0) GROUP BY 1;
-- # Where it talks over callers / missed
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY 1;
-- # Where it talks over callers / a week before
SELECT workflow AS voice_workflow, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(a_week()) GROUP BY 1;
-- # Where it talks over callers / weighed
SELECT workflow AS voice_workflow, count(*) FILTER (wrong) / (count(*) + 4) AS amount FROM meant(0) GROUP BY 1;

-- # Stops the caller did not mean / stopped for good
SELECT count(*) AS amount FROM stops(0) WHERE wrong;
-- # Stops the caller did not mean / paused, resumed
SELECT count(*) AS amount FROM determined(0) WHERE verdict = 'false_interruption' AND net_audio = 'paused_resumed';
-- # Interruptions the agent missed / missed
SELECT count(*) AS amount FROM exported_episodes(0) WHERE verdict = 'missed_interruption' AND NOT protected;
-- # Interruptions the agent missed / missed, protected
SELECT count(*) AS amount FROM exported_episodes(0) WHERE verdict = 'missed_interruption' AND protected;
-- # False interruption rate over time / now
SELECT share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0);
-- # Missed interruption rate over time / now
SELECT share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0);

-- # By message type / episodes
SELECT message_type AS voice_agent_message_type, count(*) AS amount FROM episodes(0) GROUP BY 1;
-- # By message type / false
SELECT message_type AS voice_agent_message_type, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY 1;
-- # By message type / missed
SELECT message_type AS voice_agent_message_type, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY 1;
-- # By message type / undetermined
SELECT message_type AS voice_agent_message_type, count(*) AS amount FROM episodes(0) WHERE undetermined GROUP BY 1;
-- # By the agent's policy version / first seen
SELECT version AS voice_agent_policy_version, since * 1000 AS low, low AS high FROM seen();
-- # By the agent's policy version / episodes
SELECT version AS voice_agent_policy_version, count(*) AS amount FROM episodes(0) GROUP BY 1;
-- # By the agent's policy version / false
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY 1;
-- # By the agent's policy version / missed
SELECT version AS voice_agent_policy_version, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY 1;
-- # By the agent's policy version / undetermined
SELECT version AS voice_agent_policy_version, count(*) AS amount FROM episodes(0) WHERE undetermined GROUP BY 1;

-- # All verdicts / correct
SELECT count(*) AS amount FROM episodes(0) WHERE verdict = 'correct';
-- # All verdicts / false
SELECT count(*) AS amount FROM episodes(0) WHERE verdict = 'false_interruption';
-- # All verdicts / missed
SELECT count(*) AS amount FROM episodes(0) WHERE verdict = 'missed_interruption';
-- # All verdicts / undetermined
SELECT count(*) AS amount FROM episodes(0) WHERE undetermined;

-- # Task completion, interrupted or not / known outcome
SELECT interrupted AS voice_call_interrupted, count(*) AS amount FROM calls(0) WHERE outcome <> 'unknown' GROUP BY 1;
-- # Task completion, interrupted or not / completed
SELECT interrupted AS voice_call_interrupted, share(count(*) FILTER (outcome = 'completed'), count(*)) AS share
FROM calls(0) WHERE outcome <> 'unknown' GROUP BY 1;
-- # Task completion, interrupted or not / escalated
SELECT interrupted AS voice_call_interrupted, share(count(*) FILTER (escalated), count(escalated)) AS share FROM calls(0) GROUP BY 1;
