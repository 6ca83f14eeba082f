from __future__ import annotations

import logging

import pytest
from otel_voice_processor.errors import Retryable
from otel_voice_processor.forward.notices import EVERY_S, Notices
from otel_voice_processor.forward.once import MOST, Once


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_that_is_away_is_complained_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """However many attempts fail, with how long it has been; and its return is told."""
    clock = Clock()
    notices = Notices("otlp_grpc", clock)
    with caplog.at_level(logging.INFO):
        for _ in range(130):
            notices.failing(Retryable("away"), to_mend=False)
            clock.now += 1.0
        notices.working()
        notices.working()

    assert [
        "`otlp_grpc` is tried again, requests wait in the journal: away",
        f"`otlp_grpc` is tried again, for {EVERY_S:.0f} s now, requests wait in the journal: away",
        f"`otlp_grpc` is tried again, for {2 * EVERY_S:.0f} s now, requests wait in the journal: away",
        "`otlp_grpc` takes requests again, after 130 s",
    ] == caplog.messages


def test_one_that_flaps_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Down and up once a second is a pair of lines a minute."""
    clock = Clock()
    notices = Notices("x", clock)
    with caplog.at_level(logging.INFO):
        for _ in range(120):
            notices.failing(Retryable("away"), to_mend=False)
            notices.working()
            clock.now += 1.0

    assert 4 == len(caplog.messages)


def test_what_somebody_has_to_mend_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """Louder than what passes by itself."""
    Notices("x").failing(Retryable("no token"), to_mend=True)

    assert [logging.ERROR] == [record.levelno for record in caplog.records]
    assert "`x` takes nothing as it is configured, and requests wait in the journal until that is mended: no token" == caplog.messages[0]


def test_what_was_said_is_remembered_up_to_a_bound() -> None:
    """Past it all is forgotten, and said once more."""
    once = Once()

    assert [True, False] == [once.first("a"), once.first("a")]
    assert all(once.first(str(number)) for number in range(MOST))
    assert once.first("a")
