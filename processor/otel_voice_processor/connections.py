"""How many connections the receiver holds, how long, and how it finds out that nobody is there any more: as gRPC's options."""

from __future__ import annotations

from typing import Final

from otel_voice_processor.config import Receiver

MIB: Final = 1 << 20
NEVER_MS: Final = 2**31 - 1  # gRPC's own word for it
KEPT_BACK: Final = 256  # files for everything else: journal, destinations, probes
MOST_FILES: Final = 65_536
LEAST: Final = 16  # connections


def raised_limit() -> int | None:
    """Let the process open as many files as it may, and return how many; None where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS has a lower one of its own
            wanted = soft
        soft = wanted
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def most_connections(config: Receiver, files: int | None) -> int:
    """Return how many connections are accepted, where `files` may be open; 0 for no bound."""
    if files is None:
        return config.max_connections
    room = max(files - KEPT_BACK, LEAST)
    return min(config.max_connections or room, room)


def options_of(config: Receiver, files: int | None) -> list[tuple[str, int]]:
    """Return the server's options."""
    alive = config.keepalive
    most = most_connections(config, files)
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", config.max_recv_msg_size_mib * MIB),
        ("grpc.max_concurrent_streams", config.max_concurrent_streams),
        *([("grpc.max_allowed_incoming_connections", most)] if most else []),
        ("grpc.max_connection_idle_ms", _ms(alive.max_connection_idle)),
        ("grpc.max_connection_age_ms", _ms(alive.max_connection_age)),
        ("grpc.max_connection_age_grace_ms", _ms(alive.max_connection_age_grace)),
        ("grpc.keepalive_time_ms", _ms(alive.time)),
        ("grpc.keepalive_timeout_ms", _ms(alive.timeout)),
        ("grpc.http2.ping_timeout_ms", _ms(alive.timeout)),  # gRPC 1.85 goes by this one alone, and its default is a minute
        ("grpc.http2.settings_timeout", _ms(alive.timeout)),
        ("grpc.keepalive_permit_without_calls", 1),  # else a silent connection is never asked whether somebody is there
        ("grpc.http2.min_ping_interval_without_data_ms", round(alive.min_time * 1000)),
        ("grpc.server_handshake_timeout_ms", _ms(alive.timeout)),  # of a connection on which nobody says a word
    ]


def _ms(seconds: float) -> int:
    return min(round(seconds * 1000), NEVER_MS) if seconds else NEVER_MS
