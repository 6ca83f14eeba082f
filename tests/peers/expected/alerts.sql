-- Of what each alert must tell at the newest sample, and how much: a share, of what goes wrong. Written from ALERTS.md and `slo.py`.
CREATE MACRO within(pushed, seconds, ago) AS  -- of a window that begins within a process, Prometheus has the first sample, not its growth
    pushed <= getvariable('until') - ago AND pushed > getvariable('until') - ago - seconds + if(seconds <= 3600, 60, 0);
CREATE MACRO minutes(number) AS number * 60;
CREATE MACRO hours(number) AS number * 3600;
CREATE MACRO days(number) AS number * 86400;

CREATE TABLE signals AS
SELECT 'false' AS signal, workflow, version, pushed, verdict = 'false_interruption' AS wrong
FROM settled_episodes WHERE NOT undetermined AND net_audio = 'stopped'
UNION ALL
SELECT 'missed', workflow, version, pushed, verdict = 'missed_interruption' FROM settled_episodes WHERE NOT undetermined AND intent = 'yes'
UNION ALL
SELECT 'undetermined', workflow, version, pushed, undetermined FROM settled_episodes
UNION ALL
SELECT 'incomplete', workflow, version, pushed, outcome <> 'completed'
FROM settled_calls WHERE interrupted IN ('handled', 'mishandled') AND outcome <> 'unknown'
UNION ALL
SELECT 'not handed over', workflow, version, pushed, NOT escalated FROM settled_calls WHERE asked AND escalated IS NOT NULL
UNION ALL
SELECT 'unseen', runtime, NULL, pushed, observable = 'no' FROM settled_calls WHERE is_ours(workflow);

CREATE MACRO counted(what, seconds, ago) AS TABLE
SELECT workflow, count(*) AS cases, count(*) FILTER (wrong) AS bad, bad / cases AS rate
FROM signals WHERE signal = what AND is_ours(workflow) AND within(pushed, seconds, ago) GROUP BY workflow;
CREATE MACRO by_version(what, seconds, ago) AS TABLE
SELECT workflow, version, count(*) AS cases, count(*) FILTER (wrong) AS bad, bad / cases AS rate
FROM signals WHERE signal = what AND is_ours(workflow) AND within(pushed, seconds, ago) GROUP BY workflow, version;

CREATE MACRO burns(what, seconds, least, most, quick_seconds, quick_least) AS TABLE  -- unless the quick window says that it is over
SELECT long.workflow AS voice_workflow, long.rate AS share
FROM counted(what, seconds, 0) AS long LEFT JOIN counted(what, quick_seconds, 0) AS quick USING (workflow)
WHERE long.cases >= least AND long.rate > most AND NOT (coalesce(quick.cases, 0) >= quick_least AND quick.rate <= most);

CREATE MACRO beyond_chance(bad, cases, old_bad, old_cases) AS
    bad / cases - old_bad / old_cases
        > 3 * sqrt((1 / cases + 1 / old_cases) * (old_bad + 1) * (old_cases - old_bad + 1) / power(old_cases + 2, 2));
CREATE MACRO new_versions(what) AS TABLE  -- nobody had twenty cases of them a day ago
SELECT now.* FROM by_version(what, hours(6), 0) AS now LEFT JOIN by_version(what, days(3), days(1)) AS old USING (workflow, version)
WHERE now.cases >= 20 AND coalesce(old.cases, 0) < 20 AND version NOT IN ('other', 'unversioned');
CREATE MACRO old_versions(what) AS TABLE
SELECT workflow, sum(cases) AS cases, sum(bad) AS bad FROM by_version(what, days(3), days(1)) WHERE cases >= 20 GROUP BY workflow;
CREATE MACRO spikes(what) AS TABLE
SELECT new.workflow AS voice_workflow, new.version AS voice_agent_policy_version, new.rate AS share
FROM new_versions(what) AS new JOIN old_versions(what) AS old USING (workflow)
JOIN by_version(what, hours(1), 0) AS lately ON lately.workflow = new.workflow AND lately.version = new.version
WHERE new.rate > old.bad / old.cases + 0.1 AND beyond_chance(new.bad, new.cases, old.bad, old.cases);
CREATE MACRO drifts(what) AS TABLE
SELECT now.workflow AS voice_workflow, now.rate AS share
FROM counted(what, hours(6), 0) AS now JOIN counted(what, days(1), days(7)) AS old USING (workflow)
WHERE now.cases >= 40 AND old.cases >= 40 AND now.rate > old.rate + 0.15 AND beyond_chance(now.bad, now.cases, old.bad, old.cases)
    AND workflow NOT IN (SELECT workflow FROM new_versions(what));

-- # OtelVoiceTaskCompletionBurnsFast
FROM burns('incomplete', hours(1), 10, 0.6, minutes(5), 5);
-- # OtelVoiceTaskCompletionBurnsSlow
FROM burns('incomplete', hours(6), 20, 0.4, minutes(30), 10);
-- # OtelVoiceTaskCompletionBurnsDrift
FROM burns('incomplete', days(3), 50, 0.2, hours(6), 20);
-- # OtelVoiceEscalationCorrectnessBurnsFast
FROM burns('not handed over', hours(1), 10, 0.3, minutes(5), 5);
-- # OtelVoiceEscalationCorrectnessBurnsSlow
FROM burns('not handed over', hours(6), 20, 0.15, minutes(30), 10);
-- # OtelVoiceEscalationCorrectnessBurnsDrift
FROM burns('not handed over', days(3), 50, 0.05, hours(6), 20);
-- # OtelVoiceFalseInterruptionsSpikeAfterRelease
FROM spikes('false');
-- # OtelVoiceMissedInterruptionsSpikeAfterRelease
FROM spikes('missed');
-- # OtelVoiceFalseInterruptionsAboveLastWeek
FROM drifts('false');
-- # OtelVoiceMissedInterruptionsAboveLastWeek
FROM drifts('missed');
-- # OtelVoiceUndeterminedHigh
SELECT workflow AS voice_workflow, rate AS share FROM counted('undetermined', hours(6), 0) WHERE cases >= 20 AND rate > 0.3;
-- # OtelVoiceRuntimeUnseen
SELECT now.workflow AS voice_runtime_name, now.rate AS share
FROM counted('unseen', hours(1), 0) AS now JOIN counted('unseen', days(1), days(1)) AS old USING (workflow)
WHERE now.cases >= 10 AND now.rate > 0.5 AND old.cases >= 10 AND old.rate <= 0.1;
-- # OtelVoiceProcessorRefuses
-- # OtelVoiceCallsUnstarted
-- # OtelVoiceClockJumped
-- # OtelVoiceEventsLate
-- # OtelVoiceJournalBroken
-- # OtelVoiceJournalFilling
-- # OtelVoiceExporterAway
-- # OtelVoiceExporterQueueGrows
-- # OtelVoiceDeadLetters
-- # OtelVoiceRequestsLost
-- # OtelVoiceProcessorSilent
-- # OtelVoiceScorecardMissing
-- # OtelVoiceRecordingRulesMissing
SELECT 1 AS share WHERE false;  -- nothing went wrong with the processors; test_rules_processor.py and promtool see them fire
