"""Record a state for `test_state.py`, once for each format: `python -m tests.processor.record_state`, run in the project's folder."""

from __future__ import annotations

import base64
import json
import zlib

import msgpack
from otel_voice_processor.calls import S
from otel_voice_processor.simulate import events_of, simulate

from tests.processor.state_store import Store
from tests.processor.test_bad_calls import long_call
from tests.processor.test_state import RECORDED, Run, told


def main() -> None:
    """Open, settled and long calls, with a log that rows have not caught up with."""
    run, store = Run(2), Store()
    for event in long_call(10):
        while run.now + S <= event.time_ns:
            run.now += S
            run.tick(100)
        run.state.counters.add("otel_voice_processor_events", outcome=run.state.join(event, run.now))
        if event.time_ns % 7 == 0:
            run.commit(store, fails=False)
    for number, script in enumerate(simulate(12, 3)):
        for event in events_of(script, start_ns=run.now, keep_text=False, call_id=f"call_{number}")[: -1 if number else None]:
            run.state.join(event, run.now)
    list(run.state.scorecard.points(run.now))
    run.commit(store, fails=False)
    rows = [(name, key, value) for name, found in store.rows.items() for key, value in sorted(found.items())]
    state = base64.b85encode(zlib.compress(msgpack.packb((rows, sorted(store.log.items()))) or b"", 9)).decode("ascii")
    lines = [state[at : at + 120] for at in range(0, len(state), 120)]
    recorded = {"now_ns": run.now, "told": told(store.restored(run.now)), "state": lines}
    RECORDED.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
