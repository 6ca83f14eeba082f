-- What each query of the board must return; see `otel-voice-overview.sql` for the form.

-- # By message type / episodes
SELECT message_type AS voice_agent_message_type, count(*) AS amount FROM episodes(0) GROUP BY 1;
-- # By message type / stops judged
SELECT message_type AS voice_agent_message_type, count(*) AS amount FROM stops(0) GROUP BY 1;
-- # By message type / false
-- # False interruption rate over time / {{voice_agent_message_type}}
SELECT message_type AS voice_agent_message_type, share(count(*) FILTER (wrong), count(*)) AS share FROM stops(0) GROUP BY 1;
-- # By message type / meant
SELECT message_type AS voice_agent_message_type, count(*) AS amount FROM meant(0) GROUP BY 1;
-- # By message type / missed
-- # Missed interruption rate over time / {{voice_agent_message_type}}
SELECT message_type AS voice_agent_message_type, share(count(*) FILTER (wrong), count(*)) AS share FROM meant(0) GROUP BY 1;
-- # By message type / protected misses
SELECT message_type AS voice_agent_message_type, count(*) AS amount
FROM exported_episodes(0) WHERE verdict = 'missed_interruption' AND protected GROUP BY 1;
-- # By message type / undetermined
SELECT message_type AS voice_agent_message_type, count(*) AS amount FROM episodes(0) WHERE undetermined GROUP BY 1;

-- # What callers did / {{voice_caller_input_class}}
SELECT input_class AS voice_caller_input_class, count(*) AS amount FROM exported_episodes(0) GROUP BY 1;
-- # What the audio did / {{voice_interruption_net_audio}}
SELECT net_audio AS voice_interruption_net_audio, count(*) AS amount FROM episodes(0) GROUP BY 1;
-- # Reaction to a right interruption / {{le}}
SELECT edge AS le, count(*) FILTER (seconds <= edge) AS amount
FROM reactions(0), (SELECT unnest(list_append(quick_edges(), 'inf'::DOUBLE)) AS edge) GROUP BY 1;
-- # Silence after interruption / {{le}}
SELECT edge AS le, count(*) FILTER (seconds <= edge) AS amount
FROM silences(0), (SELECT unnest(list_append(edges(), 'inf'::DOUBLE)) AS edge) GROUP BY 1;
-- # Failure modes / {{voice_interruption_findings}}
SELECT finding AS voice_interruption_findings, count(*) AS amount FROM findings(0) GROUP BY 1;
-- # Silence timeouts / {{voice_silence_next_action}}
SELECT action AS voice_silence_next_action, count(*) AS amount FROM (SELECT unnest(timeouts) AS action FROM calls(0)) GROUP BY 1;
-- # After a false stop / {{voice_interruption_resume}}
SELECT resume AS voice_interruption_resume, count(*) AS amount FROM episodes(0) WHERE resume IS NOT NULL GROUP BY 1;
-- # Did the agent do what policy asked / {{voice_interruption_compliance}}
SELECT compliance AS voice_interruption_compliance, count(*) AS amount FROM exported_episodes(0) GROUP BY 1;
