-- What the marks on the boards must say at the newest sample, in Unix milliseconds.

-- # New policy versions
SELECT version AS voice_agent_policy_version, since * 1000 AS low, low AS high FROM known_since(getvariable('until') - 300);
