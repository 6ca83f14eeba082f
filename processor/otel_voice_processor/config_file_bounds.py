"""The parts of the config file that bound what comes in: `keepalive` and `memory_limiter`."""

from __future__ import annotations

import yaml

from otel_voice_processor import memory
from otel_voice_processor.config import Keepalive, MemoryLimiter
from otel_voice_processor.config_file_values import Read, ValueReader
from otel_voice_processor.memory_limiter import limits_of


class BoundsReader(ValueReader):
    """Reads them."""

    def keepalive(self, node: yaml.Node, where: str) -> Keepalive:
        """Return how long connections are kept."""
        server: dict[str, Read] = dict.fromkeys(("max_connection_idle", "max_connection_age", "max_connection_age_grace"), self.seconds)
        server |= dict.fromkeys(("time", "timeout"), self.pause)
        enforced: dict[str, Read] = {"min_time": self.seconds, "permit_without_stream": self._permitted}
        parts: dict[str, Read] = {
            "server_parameters": lambda given, place: self.values(given, place, server),
            "enforcement_policy": lambda given, place: self.values(given, place, enforced),
        }
        found = self.values(node, where, parts)
        return Keepalive(**found.get("server_parameters", {}), **found.get("enforcement_policy", {}))

    def _permitted(self, node: yaml.Node, where: str) -> None:
        if self.flag(node, where) is False:
            self.report(node, f"{where} is true here: gRPC has one switch for it and for asking silent connections whether they live")

    def memory_limiter(self, node: yaml.Node | None, where: str) -> MemoryLimiter:
        """Return how much memory may be held; what would never let anything in is a problem."""
        kinds: dict[str, Read] = {"check_interval": self.seconds, "limit_mib": self.limit, "spike_limit_mib": self.limit}
        kinds |= {"limit_percentage": self.percentage, "spike_limit_percentage": self.percentage}
        found = self.values(node, where, kinds)
        limiter = MemoryLimiter(**found)
        if found and limiter.check_interval and memory.held() is None:
            self.report(node, f"{where}: only Linux tells how much memory a process holds; `check_interval: 0s` is off")
        limits = limits_of(limiter, memory.total())
        if limits is not None and limits.hard == 0:
            self.report(node, f"{where} has no limit: `check_interval: 0s` is off")
        elif limits is not None and limits.soft < limits.hard // 100:
            self.report(node, f"{where}: the spike limit is no less than the limit, so that nothing would ever be taken")
        return limiter

    def percentage(self, node: yaml.Node, where: str) -> int | None:
        """Return a share of 100."""
        return self.whole(node, where, 0, 100)
