from __future__ import annotations

import grpc
import pytest
from otel_voice_processor.errors import Permanent, Retryable, Undecodable
from otel_voice_processor.forward import Exporter, FanOut
from otel_voice_processor.rpc import Refused
from otel_voice_processor.telemetry import Counters


class Failing:
    """An exporter that raises what it was given, or takes everything."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[bytes] = []
        self.closed = 0

    async def send(self, body: bytes, signal: str = "traces") -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(body)

    async def close(self) -> None:
        self.closed += 1


async def test_a_fan_out_reaches_everybody_and_raises_what_may_be_retried_first() -> None:
    """One destination away does not keep another from its request; a retryable error outranks a permanent one."""
    good = Failing()
    fan: Exporter = FanOut([Failing(Permanent("never")), good, Failing(Retryable("later"))])
    with pytest.raises(Retryable, match="later"):
        await fan.send(b"x")
    with pytest.raises(Retryable, match="later"):
        await FanOut([Failing(ZeroDivisionError()), Failing(Retryable("later"))]).send(b"x")
    with pytest.raises(ZeroDivisionError):
        await FanOut([Failing(Permanent("never")), Failing(ZeroDivisionError()), Failing()]).send(b"x")
    with pytest.raises(Permanent, match="never"):
        await FanOut([Failing(Permanent("never")), Failing(Permanent("nor here"))]).send(b"x")
    await fan.close()
    await FanOut([]).send(b"x")

    assert good.taken == [b"x"]
    assert good.closed == 1


async def test_what_one_took_is_sent_though_another_refuses_it_for_good(caplog: pytest.LogCaptureFixture) -> None:
    """The sender is warned, each refusal is counted by its code, and one that repeats itself is logged once."""
    counters = Counters()
    fan = FanOut([Failing(Undecodable("bad bytes")), Failing(), Failing(Refused("no", grpc.StatusCode.UNIMPLEMENTED))], counters)

    assert await fan.send(b"x") == "bad bytes; no"
    assert await fan.send(b"x") == "bad bytes; no"
    assert 2 == counters.get("otel_voice_exporter_send_failed_requests", reason="invalid_argument")
    assert 2 == counters.get("otel_voice_exporter_send_failed_requests", reason="unimplemented")
    assert 1 == caplog.text.count("bad bytes")
