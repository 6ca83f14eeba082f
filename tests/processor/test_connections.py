"""What the receiver's settings are to gRPC."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from otel_voice_processor.config import Keepalive, Receiver
from otel_voice_processor.connections import KEPT_BACK, LEAST, NEVER_MS, most_connections, options_of


@pytest.mark.parametrize(
    ("asked", "files", "most"),
    [(0, 1024, 1024 - KEPT_BACK), (100, 1024, 100), (5000, 1024, 1024 - KEPT_BACK), (0, 100, LEAST), (0, None, 0), (70, None, 70)],
)
def test_connections_leave_room_for_other_files(asked: int, files: int | None, most: int) -> None:
    """As many as there are files, less some for everything else, and never more than asked for; without a limit none is set."""
    assert most == most_connections(Receiver(max_connections=asked), files)
    assert bool(most) == ("grpc.max_allowed_incoming_connections" in dict(options_of(Receiver(max_connections=asked), files)))


def test_times_are_told_as_grpc_wants_them() -> None:
    """In milliseconds, 0 for ever; a ping that nobody answers and a handshake that nobody ends have the same patience."""
    options = dict(options_of(Receiver(keepalive=Keepalive(max_connection_idle=90.0, time=1.5, timeout=0.25, min_time=0.0)), 1024))

    assert 90_000 == options["grpc.max_connection_idle_ms"]
    assert {NEVER_MS} == {options[f"grpc.max_connection_age{which}_ms"] for which in ("", "_grace")}
    assert 1_500 == options["grpc.keepalive_time_ms"]
    patience = (
        "grpc.keepalive_timeout_ms",
        "grpc.http2.ping_timeout_ms",
        "grpc.http2.settings_timeout",
        "grpc.server_handshake_timeout_ms",
    )
    assert {250} == {options[name] for name in patience}
    assert 0 == options["grpc.http2.min_ping_interval_without_data_ms"]


def test_the_limit_of_files_is_raised_as_far_as_it_may_be() -> None:
    """From the soft limit, which is for programs that count to 1,024, to the hard one."""
    script = (
        "from otel_voice_processor.connections import raised_limit as r; import resource as s; print(r(), *s.getrlimit(s.RLIMIT_NOFILE))"
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, 640))

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, preexec_fn=limited)

    assert "640 640 640\n" == done.stdout
