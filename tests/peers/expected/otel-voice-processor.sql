-- What each query of the processors' own board must return, by what was sent to them; see `otel-voice-overview.sql` for the form. The last
-- column is also `per_second`: a count, of which the asker knows over how many seconds. No process has a journal here, none is disturbed:
-- `test_processor_board.py` has one that waits, refuses, and is given what it cannot read.
CREATE MACRO sent(ago) AS TABLE
SELECT * FROM fed_requests JOIN processes USING (process) WHERE is_chosen('instance', instance) AND in_time(pushed, ago);
CREATE MACRO taken(ago) AS TABLE SELECT * FROM sent(ago) WHERE kind <> 'broken';
CREATE MACRO ended(ago) AS TABLE
SELECT fed_calls.* EXCLUDE (ended), fed_calls.ended AS told FROM fed_calls JOIN processes USING (process)
WHERE is_chosen('instance', instance) AND in_time(pushed, ago);

-- # Requests refused / taken
SELECT count(*) AS amount FROM taken(0);
-- # Requests refused / refused for good
SELECT count(*) AS amount FROM sent(0) WHERE kind = 'broken';
-- # Requests refused / now
-- # Events not judged / now
-- # Requests refused / refused
-- # Requests refused / for want of memory
-- # Journal full / refused, it was full
-- # Journal full / commits that failed
-- # Requests given up / now
-- # Requests given up / spans and logs rejected in part
-- # Requests given up / own summaries lost
-- # Requests given up / metric points not taken
-- # Events not judged / not judged
-- # Events not judged / of a later schema
-- # Events not judged / unreadable
-- # What disturbed it / clock set
-- # What disturbed it / stood still
-- # What disturbed it / memory collected
-- # What disturbed it / commits failed
-- # What disturbed it / damage
-- # What disturbed it / defects and failures
SELECT 0 AS exact FROM taken(0) LIMIT 1;
-- # Journal full / now
-- # Journal full / requests that wait
-- # Requests that wait, by destination / {{exporter}}
-- # Journal / waiting
-- # Journal / bound
-- # Attempts that failed, a second / {{exporter}}: {{reason}}
-- # Requests a second / refused
-- # Events, by what became of them / late
-- # Events, by what became of them / not joined
-- # Calls settled / without a start
-- # What disturbed it / policy not taken
SELECT 1 AS amount WHERE false;

-- # Events not judged / judged
SELECT coalesce(sum(events), 0) AS amount FROM taken(0);
-- # Requests a second / taken
SELECT count(*) AS per_second FROM taken(0);
-- # Requests a second / failed
SELECT count(*) AS per_second FROM sent(0) WHERE kind = 'broken';
-- # Bytes a second / taken
SELECT coalesce(sum(bytes), 0) AS per_second FROM taken(0);
-- # Requests delivered a second, by destination / {{exporter}}
SELECT 'file' AS exporter, 1 AS per_second WHERE false;
-- # Events, by what became of them / joined
SELECT coalesce(sum(events), 0) AS amount FROM taken(0) WHERE kind = 'first';
-- # Events, by what became of them / duplicate
SELECT coalesce(sum(events), 0) AS amount FROM taken(0) WHERE kind = 'again';
-- # Calls settled / end told
SELECT count(*) AS amount FROM ended(0) WHERE told;
-- # Calls settled / expired
SELECT count(*) AS amount FROM ended(0) WHERE NOT told;
